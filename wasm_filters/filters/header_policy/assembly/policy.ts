// What the configuration asks for, checked once when the filter is configured.

import { Kind, Value } from "../../include/json";
import { Settings } from "../../include/settings";

export class Field {
  constructor(
    public name: string,
    public value: string,
  ) {}
}

// Removing comes first, then set (which replaces), then add.
export class Edits {
  removed: string[] = [];
  replaced: Field[] = [];
  added: Field[] = [];
}

// A request is denied when all conditions that are given hold.
export class Denial {
  path: string = ""; // prefix
  header: string = "";
  value: string = ""; // of the header; "" for any
  status: u32 = 403;
  body: string = "denied by header_policy\n";
}

export class Policy extends Settings {
  request: Edits = new Edits();
  response: Edits = new Edits();
  deny: Denial[] = [];

  protected fill(document: Value): void {
    if (!this.isTable(document, "the configuration", ["request", "response", "deny"])) return;
    if (document.table.has("request")) {
      this.fillEdits(this.request, document.table.get("request"), "request");
    }
    if (document.table.has("response")) {
      this.fillEdits(this.response, document.table.get("response"), "response");
    }
    if (!document.table.has("deny")) return;
    const rules = document.table.get("deny");
    if (rules.kind != Kind.List) return this.refuse("deny", "a list");
    for (let i = 0; i < rules.list.length; i++) this.fillDenial(rules.list[i], i);
  }

  private fillEdits(edits: Edits, value: Value, place: string): void {
    if (!this.isTable(value, place, ["remove", "set", "add"])) return;
    if (value.table.has("remove")) {
      const names = value.table.get("remove");
      if (names.kind != Kind.List) return this.refuse(place + ".remove", "a list");
      for (let i = 0; i < names.list.length; i++) {
        if (names.list[i].kind != Kind.Text) return this.refuse(place + ".remove", "strings");
        edits.removed.push(names.list[i].text);
      }
    }
    if (value.table.has("set")) this.fillFields(edits.replaced, value.table.get("set"), place + ".set");
    if (value.table.has("add")) this.fillFields(edits.added, value.table.get("add"), place + ".add");
  }

  private fillFields(fields: Field[], value: Value, place: string): void {
    if (value.kind != Kind.Table) return this.refuse(place, "an object of strings");
    const names = value.table.keys();
    for (let i = 0; i < names.length; i++) {
      const item = value.table.get(names[i]);
      if (item.kind != Kind.Text) return this.refuse(place + "." + names[i], "a string");
      fields.push(new Field(names[i], item.text));
    }
  }

  private fillDenial(value: Value, index: i32): void {
    const place = "deny[" + index.toString() + "]";
    if (!this.isTable(value, place, ["path", "header", "value", "status", "body"])) return;
    const denial = new Denial();
    denial.path = this.text(value, "path", place, "");
    denial.header = this.text(value, "header", place, "");
    denial.value = this.text(value, "value", place, "");
    denial.body = this.text(value, "body", place, denial.body);
    if (denial.path == "" && denial.header == "") this.refuse(place, "a path or a header");
    if (value.table.has("status")) {
      const status = parseFloat(value.table.get("status").text);
      if (!(status >= 200 && status <= 599)) this.refuse(place + ".status", "200 to 599");
      denial.status = <u32>status;
    }
    this.deny.push(denial);
  }
}
