// What the configurations of our AssemblyScript filters have in common: they are read once, and what
// is wrong is told with its place. Nothing is read after the first thing that is wrong.

import { Kind, Reader, Value } from "./json";

export abstract class Settings {
  error: string = ""; // what is wrong and where, "" if nothing is

  // The source as the SDK decoded it from so many bytes; of bytes that are no text it makes nothing.
  // No configuration is an empty one.
  read(source: string, bytes: u32): void {
    if (bytes > 0 && source == "") {
      this.error = "the configuration is not UTF-8 text";
      return;
    }
    const reader = new Reader(bytes > 0 ? source : "{}");
    const document = reader.read();
    this.error = reader.error;
    if (this.error == "") this.fill(document);
  }

  protected abstract fill(document: Value): void;

  // The place of a table in the document, "" for the document itself.
  protected text(value: Value, key: string, place: string, otherwise: string): string {
    if (!value.table.has(key)) return otherwise;
    if (value.table.get(key).kind != Kind.Text) this.refuse(inside(place, key), "a string");
    return value.table.get(key).text;
  }

  protected isTable(value: Value, place: string, keys: string[]): bool {
    if (value.kind != Kind.Table) {
      this.refuse(place, "an object");
      return false;
    }
    const found = value.table.keys();
    for (let i = 0; i < found.length; i++) {
      if (!keys.includes(found[i])) {
        this.refuse(place + ": unknown key '" + found[i] + "'", "one of " + keys.join(", "));
        return false;
      }
    }
    return true;
  }

  protected refuse(place: string, wanted: string): void {
    if (this.error == "") this.error = place + ": expected " + wanted;
  }
}

export function inside(place: string, key: string): string {
  return place == "" ? key : place + "." + key;
}
