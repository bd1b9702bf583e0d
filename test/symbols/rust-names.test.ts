// Rust's names: the vectors of the crate rustc-demangle (0.1.27), its program rustfilt, and LLVM's demangler.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demangleRust } from "../../src/symbols/rust-names.ts";
import { tool } from "../tool.ts";

const GEORGIAN = "საჭმელად_გემრიელი_სადილი";
const GEORGIAN_UTF8 =
  "e183a1e18390e183ade1839be18394e1839ae18390e183935fe18392e18394e1839be183a0e18398e18394e1839ae183985fe183a1e18390e18393e18398e1839ae18398_";
const EMOJI = "🐊🦈🦆🐮 § 🐶👒☕🔥 § 🧡💛💚💙💜";
const EMOJI_UTF8 =
  "f09f908af09fa688f09fa686f09f90ae20c2a720f09f90b6f09f9192e29895f09f94a520c2a720f09fa7a1f09f929bf09f929af09f9299f09f929c_";

const NAMES = {
  // Legacy names.
  _ZN4testE: "test",
  _ZN4test1a2bcE: "test::a::bc",
  _ZN4$RP$E: ")",
  _ZN8$RF$testE: "&test",
  _ZN8$BP$test4foobE: "*test::foob",
  _ZN9$u20$test4foobE: " test::foob",
  _ZN35Bar$LT$$u5b$u32$u3b$$u20$4$u5d$$GT$E: "Bar<[u32; 4]>",
  _ZN13test$u20$test4foobE: "test test::foob",
  _ZN12test$BP$test4foobE: "test*test::foob",
  "_ZN38_$LT$core..option..Option$LT$T$GT$$GT$6unwrap18_MSG_FILE_LINE_COL17haf7cb8d5824ee659E":
    "<core::option::Option<T>>::unwrap::_MSG_FILE_LINE_COL",
  "_ZN4core5slice89_$LT$impl$u20$core..iter..traits..IntoIterator$u20$for$u20$$RF$$u27$a$u20$$u5b$T$u5d$$GT$9into_iter17h450e234d27262170E":
    "core::slice::<impl core::iter::traits::IntoIterator for &'a [T]>::into_iter",
  _ZN13_$LT$test$GT$E: "<test>",
  _ZN28_$u7b$$u7b$closure$u7d$$u7d$E: "{{closure}}",
  _ZN15__STATIC_FMTSTRE: "__STATIC_FMTSTR",
  "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3barE":
    "<Test + 'static as foo::Bar<Test>>::bar",
  _ZN3foo17h05af221e174051e9E: "foo",
  _ZN3fooE: "foo",
  _ZN3foo20h05af221e174051e9abcE: "foo",
  _ZN3foo5h05afE: "foo",
  _ZN17h05af221e174051e93fooE: "h05af221e174051e9::foo",
  _ZN3foo16ffaf221e174051e9E: "foo::ffaf221e174051e9",
  _ZN3foo17hg5af221e174051e9E: "foo::hg5af221e174051e9",
  "_ZN3fooE.llvm.9D1C9369": "foo",
  "_ZN9backtrace3foo17hbb467fcdaea5d79bE.llvm.A5310EB9": "backtrace::foo",
  "_ZN4core5slice77_$LT$impl$u20$core..ops..index..IndexMut$LT$I$GT$$u20$for$u20$$u5b$T$u5d$$GT$9index_mut17haf9727c2edfbc47bE.exit.i.i":
    "core::slice::<impl core::ops::index::IndexMut<I> for [T]>::index_mut.exit.i.i",
  "_ZN151_$LT$alloc..boxed..Box$LT$alloc..boxed..FnBox$LT$A$C$$u20$Output$u3d$R$GT$$u20$$u2b$$u20$$u27$a$GT$$u20$as$u20$core..ops..function..FnOnce$LT$A$GT$$GT$9call_once17h69e8f44b3723e1caE":
    "<alloc::boxed::Box<alloc::boxed::FnBox<A, Output=R> + 'a> as core::ops::function::FnOnce<A>>::call_once",
  "_ZN88_$LT$core..result..Result$LT$$u21$$C$$u20$E$GT$$u20$as$u20$std..process..Termination$GT$6report17hfc41d0da4a40b3e8E":
    "<core::result::Result<!, E> as std::process::Termination>::report",
  _ZN11utf8_idents157_$u10e1$$u10d0$$u10ed$$u10db$$u10d4$$u10da$$u10d0$$u10d3$_$u10d2$$u10d4$$u10db$$u10e0$$u10d8$$u10d4$$u10da$$u10d8$_$u10e1$$u10d0$$u10d3$$u10d8$$u10da$$u10d8$17h21634fd5714000aaE: `utf8_idents::${GEORGIAN}`,
  "_ZN11issue_609253foo37Foo$LT$issue_60925..llv$u6d$..Foo$GT$3foo17h059a991a004536adE":
    "issue_60925::foo::Foo<issue_60925::llvm::Foo>::foo",
  // Version 0.
  _RNvC6_123foo3bar: "123foo::bar",
  _RC4f128: "f128",
  _RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y: `utf8_idents::${GEORGIAN}`,
  _RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_: "cc::spawn::{closure#0}::{closure#0}",
  _RNCINkXs25_NgCsbmNqQUJIY6D_4core5sliceINyB9_4IterhENuNgNoBb_4iter8iterator8Iterator9rpositionNCNgNpB9_6memchr7memrchrs_0E0Bb_:
    "<core::slice::Iter<u8> as core::iter::iterator::Iterator>::rposition::<core::slice::memchr::memrchr::{closure#1}>::{closure#0}",
  _RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std:
    "alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>",
  "_RC3foo.llvm.9D1C9369": "foo",
  "_RNvC9backtrace3foo.llvm.A5310EB9": "backtrace::foo",
  "_RNvNtNtNtNtCs92dm3009vxr_4rand4rngs7adapter9reseeding4fork23FORK_HANDLER_REGISTERED.0.0":
    "rand::rngs::adapter::reseeding::fork::FORK_HANDLER_REGISTERED.0.0",
  _RNvMNtNtNtNtCs8a2262Dv4r_3mio3sys4unix8selector5epollNtB2_8Selector6select:
    "<mio::sys::unix::selector::epoll::Selector>::select",
};

const TYPES = {
  DNtC5krate5Traitp1NKj0_EL_: "dyn krate::Trait<N = 0>",
  WmRm1_m9_: "u32 is 1..=9",
  WmORm1_m2_Rm5_m6_E: "u32 is 1..=2 | 5..=6",
  INtC8arrayvec8ArrayVechKj7b_E: "arrayvec::ArrayVec<u8, 123>",
};

const CONSTANTS = {
  p: "_",
  j7b_: "123",
  hb_: "11",
  off00ff00ff00ff00ff_: "0xff00ff00ff00ff00ff",
  s98_: "152",
  anb_: "-11",
  b0_: "false",
  b1_: "true",
  c76_: "'v'",
  c22_: `'"'`,
  ca_: "'\\n'",
  c2202_: "'∂'",
  Rp: "{&_}",
  Rh7b_: "{&123}",
  Rb0_: "{&false}",
  Rc58_: "{&'X'}",
  RRRh0_: "{&&&0}",
  RRRe_: '{&&""}',
  QAE: "{&mut []}",
  AE: "{[]}",
  Aj0_E: "{[0]}",
  Ah1_h2_h3_E: "{[1, 2, 3]}",
  ARe61_Re62_Re63_E: '{["a", "b", "c"]}',
  AAh1_h2_EAh3_h4_EE: "{[[1, 2], [3, 4]]}",
  TE: "{()}",
  Tj0_E: "{(0,)}",
  Th1_b0_E: "{(1, false)}",
  TRe616263_c78_RAh1_h2_h3_EE: `{("abc", 'x', &[1, 2, 3])}`,
  VNvINtNtC4core6option6OptionjE4NoneU: "{core::option::Option::<usize>::None}",
  VNvINtNtC4core6option6OptionjE4SomeTj0_E: "{core::option::Option::<usize>::Some(0)}",
  VNtC3foo3BarS1sRe616263_2chc78_5sliceRAh1_h2_h3_EE: `{foo::Bar { s: "abc", ch: 'x', slice: &[1, 2, 3] }}`,
};

/** The content of string constants, of the types str and &str. */
const STRINGS = {
  "616263_": '"abc"',
  "27_": `"'"`,
  "090a_": '"\\t\\n"',
  e28882c3bc_: '"∂ü"',
  [GEORGIAN_UTF8]: `"${GEORGIAN}"`,
  [EMOJI_UTF8]: `"${EMOJI}"`,
};

test("are printed as rustc-demangle's `{:#}` prints them", () => {
  for (const [mangled, text] of Object.entries(NAMES)) expect(demangleRust(mangled), mangled).toBe(text);
});

test.each(Object.entries(TYPES))("the type %s", (mangled, text) => {
  expect(demangleRust(`_RMC0${mangled}`)).toBe(`<${text}>`);
});

test.each(Object.entries(CONSTANTS))("the constant %s", (mangled, text) => {
  expect(demangleRust(`_RIC0K${mangled}E`)).toBe(`::<${text}>`);
});

test.each(Object.entries(STRINGS))("the string %s", (mangled, text) => {
  expect(demangleRust(`_RIC0Ke${mangled}E`)).toBe(`::<{*${text}}>`);
  expect(demangleRust(`_RIC0KRe${mangled}E`)).toBe(`::<${text}>`);
});

test.each(["_ZN3fooE", "_RC3foo"])("ThinLTO's suffix with a version: %s", (mangled) => {
  expect(demangleRust(`${mangled}.llvm.9D1C9369@@16`)).toBe("foo");
});

test("references may double the length", () => {
  let text = "_";
  for (let i = 0; i < 6; i++) text = `(${text}, ${text})`;
  expect(demangleRust("_RMC0TTTTTTpB8_EB7_EB6_EB5_EB4_EB3_E")).toBe(`<${text}>`);
});

test.each([["p", "_"] as const, ["Rp", "&_"] as const, ["C1x", "x"] as const])(
  "a thousand arguments %s are not nested",
  (mangled, text) => {
    const expected = `::<_${`, ${text}`.repeat(1000)}>`;
    expect(demangleRust(`_RIC0p${mangled.repeat(1000)}E`)).toBe(expected);
  },
);

/** A path of 450 parts without a name, and references that double the number of times it is parsed. */
function repeatedly(doublings: number): string {
  const base62 = (value: number): string =>
    (value < 62 ? "" : base62(Math.floor(value / 62))) +
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".charAt(value % 62);
  let types = `${"Nt".repeat(450)}C0${"0".repeat(450)}`;
  // Offsets count from after `_R`; the first type follows `MC0T`.
  let at = "MC0T".length;
  for (let i = 0; i < doublings; i++) {
    const reference = `B${base62(at - 1)}_`;
    at = "MC0T".length + types.length;
    types += `T${reference}${reference}E`;
  }
  return types;
}

describe("have no demangled form if", () => {
  test.each([
    ["they are not Rust's", "test", "", "_R", "_RZ", "_Rust", "_ZTV3foo", "_ZN3fooEv"],
    ["they are cut off", "_ZN4test", "_RNvC3fo", "_RNvC3foo", "_RINvC3foo3barh", "_RMC0WmORm1_m2_Rm5_m6_"],
    ["a length is wrong", "_ZNfooE", "_ZN2222222222222222222222EE", "_RC9999999999999999999999a"],
    ["their suffix is not one", "_ZN3fooE.llvm moocow", "_ZN3fooEbar", "_RC3foo$x", "_RC3foo-"],
    [
      "a character is not valid",
      "_ZN5*70527e27.ll34csaғE",
      "_ZN5~saäb4e\n2734cOsbE\n5usage20h)3\0\0\x007e2734cOsbE",
    ],
    ["a constant is not valid", "_RIC0Kb2_E", "_RIC0Kcd800_E", "_RIC0KcFF_E", "_RIC0Keff_E", "_RIC0Ke6_E"],
    ["they refer to themselves", "_RNvB_1a", "_RMC0RB2_", "_RB_", "_RNvB9_1a"],
    ["they grow too long", "_RYFG_FGyyEvRYFF_EvRYFFEvERLB_B_B_ERLRjB_B_B_", "_RMC0FGZZZ_Eu"],
    ["their parts are too many, though none prints", `_RMC0T${repeatedly(12)}E`],
    ["a legacy one is too long", `_ZN${"3foo".repeat(20_000)}E`],
    ["they are nested too deeply", `_RMC0${"R".repeat(600)}u`, `_RIC100000${"R".repeat(100000)}B7_E`],
    ["a lifetime has no binder", "_RMC0RL0_u", "_RMC0FEL_", "_RMC0DC1aE"],
    ["an identifier is empty Punycode", "_RCu0", "_RCu4foo_"],
  ])("%s", (_, ...names) => {
    for (const name of names) expect(demangleRust(name), name).toBeUndefined();
  });
});

test("have a demangled form of limited length or none, whatever they contain", () => {
  const tag = fc.constantFrom(
    ..."CNMXYIBRQPOASTFDWKLEGUuevphjcs01_",
    "B_",
    "B0_",
    "B3_",
    "1a",
    "Nv",
    "G_",
    "KC",
  );
  fc.assert(
    fc.property(fc.array(tag, { maxLength: 200 }), (tags) => {
      expect(demangleRust(`_R${tags.join("")}`)?.length ?? 0).toBeLessThanOrEqual(1 << 16);
    }),
    { numRuns: 5000 },
  );
});

/** Names with a few changed characters. */
function changedNames(): string[] {
  const edit = fc.record({
    at: fc.nat(),
    cut: fc.nat(2),
    put: fc.constantFrom("", "0", "1", "_", "s_", "B_", "u", "E", "I"),
  });
  const changed = fc
    .tuple(fc.constantFrom(...Object.keys(NAMES)), fc.array(edit, { maxLength: 3 }))
    .map(([name, edits]) =>
      edits.reduce((text, { at, cut, put }) => {
        const from = 2 + (at % (text.length - 2));
        return text.slice(0, from) + put + text.slice(from + cut);
      }, name),
    );
  return fc.sample(changed, { numRuns: 4000, seed: 1 });
}

test("rustfilt prints the same", () => {
  const names = changedNames();
  const printed = tool("rustfilt", [], `${names.join("\n")}\n`)
    .toString()
    .split("\n");
  // It prints names that it cannot demangle as they are, or a remark within them.
  const isDemangled = (name: string, text: string) =>
    text !== name &&
    text !== name.replace(/\.llvm\.[0-9A-F@]+$/, "") &&
    !/\{(invalid|recursion|size)/.test(text);
  const own = names.map((name) => [name, demangleRust(name)]);
  const expected = names.map((name, i) => [
    name,
    isDemangled(name, printed[i] ?? "") ? printed[i] : undefined,
  ]);
  expect(own).toEqual(expected);
  expect(expected.filter(([, text]) => text !== undefined).length).toBeGreaterThan(1000);
});
