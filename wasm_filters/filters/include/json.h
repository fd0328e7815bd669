// JSON for filters: a reader that says where it failed instead of trapping, so that a configuration
// is refused with a sentence and a stranger's document does no harm. No exceptions, bounded depth.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace json {

enum class Kind { null, boolean, number, text, list, table };

struct Value {
  Kind kind = Kind::null;
  std::string text;  // of a text, and of a number or a boolean as it is written
  std::vector<Value> list;
  std::map<std::string, Value, std::less<>> table;

  // The value of a table's key, nullptr if there is none.
  const Value* find(std::string_view key) const {
    auto found = table.find(key);
    return found == table.end() ? nullptr : &found->second;
  }
};

// The text as JSON.
inline std::string quoted(std::string_view text) {
  std::string json = "\"";
  for (char one : text) {
    if (one == '"' || one == '\\') json.push_back('\\');
    json.push_back(static_cast<unsigned char>(one) < ' ' ? ' ' : one);
  }
  return json + '"';
}

class Reader {
 public:
  explicit Reader(std::string_view source) : source_(source) {}

  // The whole document; look at error() afterwards.
  Value read() {
    Value value = read_value(0);
    if (blank(), failed() || at_ == source_.size()) return value;
    fail("nothing more");
    return value;
  }

  bool failed() const { return !error_.empty(); }
  const std::string& error() const { return error_; }

 private:
  static constexpr int max_depth = 16;

  Value read_value(int depth) {
    Value value;
    blank();
    if (depth > max_depth) {
      fail("fewer levels");
    } else if (peek() == '{') {
      read_table(value, depth);
    } else if (peek() == '[') {
      read_list(value, depth);
    } else if (peek() == '"') {
      value.kind = Kind::text;
      value.text = read_text();
    } else {
      read_word(value);
    }
    return value;
  }

  void read_table(Value& value, int depth) {
    value.kind = Kind::table;
    ++at_;
    if (skips('}')) return;
    do {
      blank();
      auto start = at_;
      auto key = read_text();
      if (!failed() && value.find(key)) {
        at_ = start;
        fail("each key once");
      }
      expect(':');
      if (failed()) return;
      value.table.emplace(std::move(key), read_value(depth + 1));
    } while (more('}'));
  }

  void read_list(Value& value, int depth) {
    value.kind = Kind::list;
    ++at_;
    if (skips(']')) return;
    do {
      value.list.push_back(read_value(depth + 1));
    } while (more(']'));
  }

  // Whether a comma follows; otherwise the end of the list or table does.
  bool more(char end) {
    if (failed() || skips(end)) return false;
    expect(',');
    return !failed();
  }

  void read_word(Value& value) {
    auto start = at_;
    while (at_ < source_.size() && !is_in(peek(), ",]}: \t\r\n\"")) ++at_;
    value.text = source_.substr(start, at_ - start);
    if (value.text == "true" || value.text == "false") {
      value.kind = Kind::boolean;
    } else if (is_number(value.text)) {
      value.kind = Kind::number;
    } else if (value.text != "null") {
      at_ = start;
      fail("a value");
    }
  }

  // -?(0|[1-9][0-9]*)(.[0-9]+)?([eE][-+]?[0-9]+)?
  static bool is_number(std::string_view word) {
    auto digits = [&] {
      size_t count = 0;
      for (; !word.empty() && word[0] >= '0' && word[0] <= '9'; ++count) word.remove_prefix(1);
      return count;
    };
    auto take = [&](std::string_view any) {
      bool taken = !word.empty() && is_in(word[0], any);
      if (taken) word.remove_prefix(1);
      return taken;
    };
    take("-");
    if (!take("0") && digits() == 0) return false;
    if (take(".") && digits() == 0) return false;
    if (take("eE") && (take("-+"), digits() == 0)) return false;
    return word.empty();
  }

  std::string read_text() {
    std::string text;
    if (peek() != '"') return fail("a string"), text;
    for (++at_; at_ < source_.size() && !failed(); ++at_) {
      if (peek() == '"') return ++at_, text;
      if (peek() == '\\') {
        ++at_;
        read_escape(text);
      } else if (static_cast<unsigned char>(peek()) < ' ') {
        fail("no control character");
      } else {
        text.push_back(peek());
      }
    }
    fail("\"");
    return text;
  }

  // Leaves at_ on the escape's last character.
  void read_escape(std::string& text) {
    constexpr std::string_view names = "bfnrt\"\\/", meant = "\b\f\n\r\t\"\\/";
    if (peek() == 'u') return read_unicode(text);
    auto found = at_ < source_.size() ? names.find(peek()) : names.npos;
    if (found == names.npos) return fail("an escape");
    text.push_back(meant[found]);
  }

  void read_unicode(std::string& text) {
    unsigned code = read_hex();
    if (code >= 0xd800 && code < 0xdc00 && source_.substr(at_ + 1, 2) == "\\u") {
      at_ += 2;
      unsigned low = read_hex();
      code = 0x10000 + ((code - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff);
    } else if (code >= 0xd800 && code < 0xe000) {
      code = 0xfffd;  // half a pair says nothing
    }
    append_utf8(text, code);
  }

  unsigned read_hex() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i) {
      ++at_;
      unsigned digit = std::string_view("0123456789abcdef").find(peek() | ' ');
      if (at_ >= source_.size() || digit > 15) return fail("four hexadecimal digits"), 0;
      code = code * 16 + digit;
    }
    return code;
  }

  static void append_utf8(std::string& text, unsigned code) {
    auto tail = [&](int shift) { text.push_back(static_cast<char>(0x80 | ((code >> shift) & 63))); };
    if (code < 0x80) {
      text.push_back(static_cast<char>(code));
    } else if (code < 0x800) {
      text.push_back(static_cast<char>(0xc0 | (code >> 6))), tail(0);
    } else if (code < 0x10000) {
      text.push_back(static_cast<char>(0xe0 | (code >> 12))), tail(6), tail(0);
    } else {
      text.push_back(static_cast<char>(0xf0 | (code >> 18))), tail(12), tail(6), tail(0);
    }
  }

  static bool is_in(char one, std::string_view any) { return any.find(one) != any.npos; }
  char peek() const { return at_ < source_.size() ? source_[at_] : '\0'; }
  void blank() {
    while (at_ < source_.size() && is_in(peek(), " \t\r\n")) ++at_;
  }
  bool skips(char mark) {
    blank();
    if (peek() != mark) return false;
    ++at_;
    return true;
  }
  void expect(char mark) {
    if (!skips(mark)) fail(std::string(1, mark));
  }

  // The first failure counts.
  void fail(std::string_view wanted) {
    if (failed()) return;
    auto found = at_ < source_.size() ? "'" + std::string(1, peek()) + "'" : "the end";
    error_ = "at " + std::to_string(at_) + ": found " + found + ", expected " + std::string(wanted);
  }

  std::string_view source_;
  size_t at_ = 0;
  std::string error_;
};

}  // namespace json
