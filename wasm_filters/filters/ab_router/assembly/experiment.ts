// What the configuration asks for, checked once when the filter is configured.

import { Kind, Value } from "../../include/json";
import { Settings, inside } from "../../include/settings";

const NAME = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
const MAX_VARIANTS = 100;
const MAX_WEIGHT: f64 = 1000000; // so that no sum of weights leaves 32 bits
const MAX_AGE: f64 = 1000000000;

export class Variant {
  constructor(
    public name: string,
    public weight: u32,
  ) {}
}

// Where a part of a user's identity is: a cookie, or else a header.
export class Source {
  constructor(
    public isCookie: bool,
    public name: string,
  ) {}
}

export class Experiment extends Settings {
  variants: Variant[] = [];
  total: u32 = 0; // of the weights
  user: Source[] = [];
  salt: string = "";
  header: string = "x-variant";
  forcedBy: string = ""; // a request header; "" for none
  cookie: string = ""; // that keeps the variant; "" for none
  maxAge: string = ""; // of the cookie, in seconds; "" until the browser is closed

  // The variant of this name, null if there is none.
  find(name: string): Variant | null {
    for (let i = 0; i < this.variants.length; i++) {
      if (this.variants[i].name == name) return this.variants[i];
    }
    return null;
  }

  protected fill(document: Value): void {
    const keys = ["variants", "user", "salt", "header", "override", "cookie"];
    if (!this.isTable(document, "the configuration", keys)) return;
    if (!document.table.has("variants")) return this.refuse("variants", "an object of weights");
    this.fillVariants(document.table.get("variants"));
    if (document.table.has("user")) this.fillUser(document.table.get("user"));
    if (document.table.has("cookie")) this.fillCookie(document.table.get("cookie"));
    this.salt = this.text(document, "salt", "", "");
    this.header = this.name(document, "header", "", this.header);
    this.forcedBy = this.name(document, "override", "", "");
    if (this.forcedBy == this.header) this.refuse("override", "another header than 'header'");
  }

  private fillVariants(value: Value): void {
    if (value.kind != Kind.Table) return this.refuse("variants", "an object of weights");
    const names = value.table.keys();
    if (names.length > MAX_VARIANTS) this.refuse("variants", "at most " + MAX_VARIANTS.toString());
    for (let i = 0; i < names.length && this.error == ""; i++) {
      const place = "variants." + names[i];
      const weight = this.number(value.table.get(names[i]), place, MAX_WEIGHT);
      if (names[i] == "" || !isName(names[i].toLowerCase())) this.refuse(place, "a name of letters, digits, - _ .");
      this.variants.push(new Variant(names[i], <u32>weight));
      this.total += <u32>weight;
    }
    if (this.total == 0) this.refuse("variants", "a weight above 0");
  }

  private fillUser(value: Value): void {
    if (value.kind != Kind.List) return this.refuse("user", "a list");
    for (let i = 0; i < value.list.length; i++) {
      const place = "user[" + i.toString() + "]";
      if (!this.isTable(value.list[i], place, ["cookie", "header"])) return;
      const cookie = this.name(value.list[i], "cookie", place, "");
      const header = this.name(value.list[i], "header", place, "");
      if ((cookie == "") == (header == "")) this.refuse(place, "a cookie or a header");
      this.user.push(new Source(header == "", header == "" ? cookie : header));
    }
  }

  private fillCookie(value: Value): void {
    if (!this.isTable(value, "cookie", ["name", "max_age"])) return;
    this.cookie = this.name(value, "name", "cookie", "");
    if (this.cookie == "") this.refuse("cookie.name", "a string");
    if (!value.table.has("max_age")) return;
    const age = this.number(value.table.get("max_age"), "cookie.max_age", MAX_AGE);
    this.maxAge = (<u32>age).toString();
  }

  // A header's or a cookie's; headers are the same in any case, a cookie's case is kept.
  private name(value: Value, key: string, place: string, otherwise: string): string {
    const found = this.text(value, key, place, otherwise);
    const lower = found.toLowerCase();
    if (found != otherwise && (found == "" || !isName(lower))) {
      this.refuse(inside(place, key), "a name of letters, digits, - _ .");
    }
    return key == "cookie" || key == "name" ? found : lower;
  }

  private number(value: Value, place: string, most: f64): f64 {
    const number = value.kind == Kind.Number ? parseFloat(value.text) : -1;
    if (number >= 0 && number <= most && number == Math.floor(number)) return number;
    this.refuse(place, "a whole number from 0 to " + (<u32>most).toString());
    return 0;
  }
}

function isName(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (!NAME.includes(text.charAt(i))) return false;
  }
  return true;
}
