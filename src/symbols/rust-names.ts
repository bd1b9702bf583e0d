import { decodePunycode } from "./punycode.ts";

/** Limit for nested paths, types and constants, as in rustc-demangle; a name that refers to itself exceeds it. */
const MOST_NESTED = 500;
/** Limit for a demangled name, in UTF-16 units: each reference in a mangled name can double the length. */
const LONGEST = 1 << 16;

/** A mangled name does not follow the grammar, or exceeds a limit. */
class Malformed extends Error {}

function malformed(): never {
  throw new Malformed();
}

/**
 * Demangles a Rust name, v0 (rustc book, "v0 Symbol Format") or legacy, to the text that the crate rustc-demangle prints with
 * `{:#}`: without hashes and ThinLTO's suffix, with other suffixes.
 *
 * @returns undefined for any other name, and for a name that is nested too deeply or gets too long
 */
export function demangleRust(name: string): string | undefined {
  if (!/^_(?:R[A-Z]|ZN)[!-~]*$/.test(name)) return undefined;
  const mangled = name.replace(/\.llvm\.[0-9A-F@]+$/, "");
  try {
    const { text, at } = mangled.startsWith("_R") ? v0Path(mangled) : legacyPath(mangled);
    const suffix = mangled.slice(at);
    const isWhole = suffix === "" || suffix.startsWith(".");
    return isWhole && text.length <= LONGEST ? text + suffix : undefined;
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** The text of a mangled name, and the index after that name. */
interface Demangled {
  readonly text: string;
  readonly at: number;
}

function legacyPath(mangled: string): Demangled {
  const elements: string[] = [];
  let at = "_ZN".length;
  while (mangled[at] !== "E") {
    const digits = /^[0-9]+/.exec(mangled.slice(at))?.[0] ?? malformed();
    const start = at + digits.length;
    at = start + Number(digits);
    if (at > mangled.length) malformed();
    elements.push(mangled.slice(start, at));
  }
  if (/^h[0-9A-Fa-f]*$/.test(elements.at(-1) ?? "")) elements.pop();
  return { text: elements.map(legacyElement).join("::"), at: at + 1 };
}

type Texts = Readonly<Record<string, string>>;
/** The escapes of legacy names (legacy.rs of rustc_symbol_mangling). */
const ESCAPES: Texts = { SP: "@", BP: "*", RF: "&", LT: "<", GT: ">", LP: "(", RP: ")", C: "," };

function legacyElement(element: string): string {
  let isValid = true;
  return element.replace(/^_(?=\$)/, "").replace(/\.\.|\$([^$]*)\$/g, (whole, name = "") => {
    const character = characterOf(/^u([0-9a-f]+)$/.exec(name)?.[1] ?? "0") ?? "\0";
    const text = whole === ".." ? "::" : (ESCAPES[name] ?? (/\p{Cc}/u.test(character) ? whole : character));
    // The rest after an unknown escape remains as it is.
    isValid &&= text !== whole;
    return isValid ? text : whole;
  });
}

/** The character with a number in hexadecimal digits; undefined if there is none. */
function characterOf(digits: string): string | undefined {
  const code = Number(`0x0${digits}`);
  return code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? undefined : String.fromCodePoint(code);
}

const SHORT_ESCAPES: Texts = { "\0": "0", "\t": "t", "\n": "n", "\r": "r", "\\": "\\", "'": "'", '"': '"' };

/** A literal, escaped as by Rust's escape_debug, except for the other kind of quotes. */
function literal(quote: string, text: string): string {
  const escaped = text.replace(/["'\\]|(?! )[\p{C}\p{Z}\p{Grapheme_Extend}]/gu, (character) => {
    if (/["']/.test(character) && character !== quote) return character;
    return `\\${SHORT_ESCAPES[character] ?? `u{${character.codePointAt(0)?.toString(16)}}`}`;
  });
  return quote + escaped + quote;
}

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** A v0 name that is parsed up to a position, and the text printed so far. */
class V0Name {
  at = "_R".length;
  text = "";
  isSilent = false;
  /** Rules applied; back references can repeat a rule without printing. */
  steps = 0;
  depth = 0;
  /** Number of lifetimes that the binders around the current part declare. */
  lifetimes = 0;
  readonly mangled: string;

  constructor(mangled: string) {
    this.mangled = mangled;
  }

  match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const text = pattern.exec(this.mangled)?.[0] ?? malformed();
    this.at += text.length;
    return text;
  }

  eat(character: string): boolean {
    const isNext = this.mangled[this.at] === character;
    if (isNext) this.at++;
    return isNext;
  }

  print(text: string): void {
    if (!this.isSilent) this.text += text;
    if (this.text.length > LONGEST) malformed();
  }

  /** A number of 64 bits; from 2^53 on, where hashes of crates are, it is not exact. */
  base62(): number {
    const digits = this.match(/[0-9A-Za-z]*_/y);
    let value = digits === "_" ? -1 : 0;
    for (const digit of digits.slice(0, -1)) value = value * 62 + DIGITS.indexOf(digit);
    if (value >= 2 ** 64) malformed();
    return value + 1;
  }

  /** The number after a tag, from 1; 0 without the tag. */
  optional(tag: string): number {
    return this.eat(tag) ? this.base62() + 1 : 0;
  }

  hex(): string {
    return this.match(/[0-9a-f]*_/y).slice(0, -1);
  }

  identifier(): string {
    const isPunycode = this.eat("u");
    const length = Number(this.match(/(?:0|[1-9][0-9]*)_?/y).replace("_", ""));
    const text = this.mangled.slice(this.at, this.at + length);
    if (text.length < length || (isPunycode && /(?:^|_)$/.test(text))) malformed();
    this.at += length;
    return isPunycode ? decodePunycode(text) : text;
  }
}

/** Parses a part of a name, and prints it. */
type Parse = (name: V0Name) => void;
/** What to print, and what to parse, in this order. */
type Rule = readonly (string | Parse)[];
/** The rules of a nonterminal of the grammar, by their first character. */
type Rules = Readonly<Record<string, Rule>>;

function apply(name: V0Name, ...rule: Rule): void {
  if (++name.depth > MOST_NESTED || ++name.steps > LONGEST) malformed();
  for (const part of rule) {
    if (typeof part === "string") name.print(part);
    else part(name);
  }
  name.depth--;
}

function byTag(name: V0Name, rules: Rules): void {
  apply(name, ...(rules[name.mangled.charAt(name.at++)] ?? malformed()));
}

/** @param close text after a list of one element */
function list(separator: string, parse: Parse, close = ""): Parse {
  return (name) => {
    let count = 0;
    for (; !name.eat("E"); count++) {
      if (count > 0) name.print(separator);
      parse(name);
    }
    if (count === 1) name.print(close);
  };
}

/** Prints an earlier part again. */
function backref(parse: Parse): Parse {
  return (name) => {
    const start = name.at - 1;
    const target = name.base62() + "_R".length;
    if (target >= start) malformed();
    const end = name.at;
    name.at = target;
    if (!name.isSilent) parse(name);
    name.at = end;
  };
}

const path: Parse = (name) => byTag(name, PATHS);
const valuePath: Parse = (name) => byTag(name, VALUE_PATHS);
const type: Parse = (name) => byTag(name, name.mangled.charAt(name.at) in TYPES ? TYPES : PATHS);
const constant: Parse = (name) => byTag(name, CONSTANTS);
const value: Parse = (name) => byTag(name, VALUES);
const pattern: Parse = (name) => byTag(name, PATTERNS);
const typeOrConstant: Parse = (name) => (name.eat("K") ? constant : type)(name);
const argument: Parse = (name) => (name.eat("L") ? lifetime(name, name.base62()) : typeOrConstant(name));

/** A path that is not printed: the place of an `impl`, or the crate that instantiates a generic function. */
function silentPath(name: V0Name): void {
  const wasSilent = name.isSilent;
  name.isSilent = true;
  name.optional("s");
  path(name);
  name.isSilent = wasSilent;
}

function v0Path(mangled: string): Demangled {
  const name = new V0Name(mangled);
  valuePath(name);
  if (/[A-Z]/.test(mangled.charAt(name.at))) silentPath(name);
  return name;
}

function pathRules(self: Parse, open: string): Rules {
  return {
    C: [crate],
    N: [(name) => nestedPath(name, self)],
    M: [silentPath, "<", type, ">"],
    X: [silentPath, "<", type, " as ", path, ">"],
    Y: ["<", type, " as ", path, ">"],
    I: [self, open, list(", ", argument), ">"],
    B: [backref(self)],
  };
}
const PATHS = pathRules(path, "<");
/** Of paths in expressions. */
const VALUE_PATHS = pathRules(valuePath, "::<");

function crate(name: V0Name): void {
  name.optional("s");
  name.print(name.identifier());
}

function nestedPath(name: V0Name, outer: Parse): void {
  const namespace = name.match(/[A-Za-z]/y);
  outer(name);
  const number = name.optional("s");
  const own = name.identifier();
  const kind = namespace === "C" ? "closure" : namespace === "S" ? "shim" : namespace;
  if (namespace < "a") name.print(`::{${kind}${own === "" ? "" : `:${own}`}#${number}}`);
  else if (own !== "") name.print(`::${own}`);
}

const SIGNED = { a: "i8", s: "i16", l: "i32", x: "i64", n: "i128", i: "isize" };
const UNSIGNED = { h: "u8", t: "u16", m: "u32", y: "u64", o: "u128", j: "usize" };
const OTHER = { b: "bool", c: "char", e: "str", f: "f32", d: "f64", u: "()", z: "!", p: "_", v: "..." };

function rulesFrom(texts: Texts, ruleOf: (text: string) => Rule): Rules {
  return Object.fromEntries(Object.entries(texts).map(([tag, text]) => [tag, ruleOf(text)]));
}

const TYPES: Rules = {
  ...rulesFrom({ ...SIGNED, ...UNSIGNED, ...OTHER }, (text) => [text]),
  R: ["&", referenceLifetime, type],
  Q: ["&", referenceLifetime, "mut ", type],
  P: ["*const ", type],
  O: ["*mut ", type],
  A: ["[", type, "; ", value, "]"],
  S: ["[", type, "]"],
  T: ["(", list(", ", type, ","), ")"],
  F: [(name) => inBinder(name, functionType)],
  D: ["dyn ", (name) => inBinder(name, list(" + ", boundTrait)), objectLifetime],
  W: [type, " is ", pattern],
  B: [backref(type)],
};
const PATTERNS: Rules = { R: [constant, "..=", constant], O: [list(" | ", pattern)], N: ["!null"] };

/** @param index 0 for an erased lifetime; otherwise its position, from the innermost outwards */
function lifetime(name: V0Name, index: number): void {
  const depth = name.lifetimes - index;
  if (depth < 0 && !name.isSilent) malformed();
  name.print(index === 0 ? "'_" : `'${DIGITS.slice(10, 36)[depth] ?? `_${depth}`}`);
}

function referenceLifetime(name: V0Name): void {
  const index = name.eat("L") ? name.base62() : 0;
  if (index > 0) apply(name, () => lifetime(name, index), " ");
}

function objectLifetime(name: V0Name): void {
  const index = name.eat("L") ? name.base62() : malformed();
  if (index > 0) apply(name, " + ", () => lifetime(name, index));
}

function inBinder(name: V0Name, parse: Parse): void {
  const outside = name.lifetimes;
  const count = name.optional("G");
  for (let i = 0; i < count && !name.isSilent; i++) {
    name.print(i === 0 ? "for<" : ", ");
    name.lifetimes++;
    lifetime(name, 1);
  }
  if (count > 0) name.print("> ");
  parse(name);
  name.lifetimes = outside;
}

function functionType(name: V0Name): void {
  if (name.eat("U")) name.print("unsafe ");
  if (name.eat("K")) {
    const abi = name.eat("C") ? "C" : name.identifier();
    if (!/^\w+$/.test(abi)) malformed();
    name.print(`extern "${abi.replaceAll("_", "-")}" `);
  }
  apply(name, "fn(", list(", ", type), ")");
  if (!name.eat("u")) apply(name, " -> ", type);
}

/** A trait, and its associated types and constants after its generic arguments: `Iterator<Item = u8>`. */
function boundTrait(name: V0Name): void {
  path(name);
  let open = "<";
  if (!name.isSilent && name.mangled[name.at] === "p" && name.text.endsWith(">")) {
    name.text = name.text.slice(0, -1);
    open = ", ";
  }
  for (; name.eat("p"); open = ", ") apply(name, open, `${name.identifier()} = `, typeOrConstant);
  if (open === ", ") name.print(">");
}

/** @param open of the braces around an expression that would not be valid without them */
function constantRules(self: Parse, open: string, close: string): Rules {
  return {
    ...rulesFrom(SIGNED, () => [(name) => name.print(name.eat("n") ? "-" : ""), integer]),
    ...rulesFrom(UNSIGNED, () => [integer]),
    p: ["_"],
    b: [(name) => name.print(["false", "true"][Number(`0x0${name.hex()}`)] ?? malformed())],
    c: [(name) => name.print(literal("'", characterOf(name.hex()) ?? malformed()))],
    e: [open, "*", string, close],
    R: [(name) => (name.eat("e") ? string(name) : apply(name, open, "&", value, close))],
    Q: [open, "&mut ", value, close],
    A: [open, "[", list(", ", value), "]", close],
    T: [open, "(", list(", ", value, ","), ")", close],
    V: [open, valuePath, (name) => byTag(name, FIELDS), close],
    B: [backref(self)],
  };
}
const CONSTANTS = constantRules(constant, "{", "}");
/** Of constants within expressions. */
const VALUES = constantRules(value, "", "");
const FIELDS: Rules = { U: [], T: ["(", list(", ", value), ")"], S: [" { ", list(", ", field), " }"] };

function field(name: V0Name): void {
  name.optional("s");
  apply(name, `${name.identifier()}: `, value);
}

function integer(name: V0Name): void {
  const digits = name.hex();
  const isLarge = digits.replace(/^0+/, "").length > 16;
  name.print(isLarge ? `0x${digits}` : String(BigInt(`0x0${digits}`)));
}

function string(name: V0Name): void {
  const digits = name.hex();
  const text = Buffer.from(digits, "hex").toString();
  if (Buffer.from(text).toString("hex") !== digits) malformed();
  name.print(literal('"', text));
}
