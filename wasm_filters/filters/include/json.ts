// A reader for a filter's configuration. It says where it failed instead of trapping, so that the
// filter can refuse a configuration with a sentence (AssemblyScript has no exceptions to catch).

export enum Kind {
  Null,
  Bool,
  Number,
  Text,
  List,
  Table,
}

export class Value {
  kind: Kind = Kind.Null;
  text: string = ""; // of a Text, and a Number as written
  list: Value[] = [];
  table: Map<string, Value> = new Map();
}

const MAX_DEPTH = 16;

export class Reader {
  error: string = "";
  private at: i32 = 0;

  constructor(private source: string) {}

  // The whole document; look at error afterwards.
  read(): Value {
    const value = this.value(0);
    this.blank();
    if (this.error == "" && this.at < this.source.length) this.fail("nothing more");
    return value;
  }

  private value(depth: i32): Value {
    this.blank();
    const value = new Value();
    const next = this.peek();
    if (depth > MAX_DEPTH) {
      this.fail("fewer levels");
    } else if (next == "{") {
      this.readTable(value, depth);
    } else if (next == "[") {
      this.readList(value, depth);
    } else if (next == '"') {
      value.kind = Kind.Text;
      value.text = this.string();
    } else {
      this.readWord(value);
    }
    return value;
  }

  private readTable(value: Value, depth: i32): void {
    value.kind = Kind.Table;
    this.at++;
    if (this.skips("}")) return;
    while (this.error == "") {
      this.blank();
      const key = this.string();
      this.expect(":");
      if (value.table.has(key)) this.fail("each key once");
      value.table.set(key, this.value(depth + 1));
      if (this.skips("}")) return;
      this.expect(",");
    }
  }

  private readList(value: Value, depth: i32): void {
    value.kind = Kind.List;
    this.at++;
    if (this.skips("]")) return;
    while (this.error == "") {
      value.list.push(this.value(depth + 1));
      if (this.skips("]")) return;
      this.expect(",");
    }
  }

  private readWord(value: Value): void {
    const start = this.at;
    while (this.at < this.source.length && !",]} \t\r\n".includes(this.peek())) this.at++;
    const word = this.source.substring(start, this.at);
    value.text = word;
    if (word == "true" || word == "false") {
      value.kind = Kind.Bool;
    } else if (word != "null") {
      value.kind = Kind.Number;
      if (word == "" || !isFinite(parseFloat(word))) {
        this.at = start;
        this.fail("a value");
      }
    }
  }

  private string(): string {
    if (this.peek() != '"') {
      this.fail("a string");
      return "";
    }
    let text = "";
    for (this.at++; this.at < this.source.length; this.at++) {
      const next = this.peek();
      if (next == '"') {
        this.at++;
        return text;
      }
      text += next == "\\" ? this.escaped() : next;
    }
    this.fail('"');
    return text;
  }

  private escaped(): string {
    this.at++;
    const next = this.peek();
    if (next == "u") {
      const code = <i32>parseInt(this.source.substring(this.at + 1, this.at + 5), 16);
      this.at += 4;
      return String.fromCharCode(code);
    }
    const known = 'bfnrt"\\/'.indexOf(next);
    if (known < 0 || next == "") this.fail("an escape");
    return known < 0 ? "" : '\b\f\n\r\t"\\/'.charAt(known);
  }

  private blank(): void {
    while (this.at < this.source.length && " \t\r\n".includes(this.peek())) this.at++;
  }

  private peek(): string {
    return this.source.charAt(this.at);
  }

  private skips(mark: string): bool {
    this.blank();
    if (this.peek() != mark) return false;
    this.at++;
    return true;
  }

  private expect(mark: string): void {
    if (!this.skips(mark)) this.fail(mark);
  }

  private fail(wanted: string): void {
    if (this.error != "") return;
    const found = this.at < this.source.length ? "'" + this.peek() + "'" : "the end";
    this.error = "at " + this.at.toString() + ": found " + found + ", expected " + wanted;
  }
}
