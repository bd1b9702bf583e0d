import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  anatomyOf,
  countedFinder,
  instabilityFinder,
  type KallsymsNames,
  stemOf,
} from "../../src/symbols/name-anatomy.ts";

function stem(name: string, data: boolean): string {
  const text = Buffer.from(`x\0${name}\0y.cfi\0z.llvm.1`);
  const result = stemOf(name, data);
  expect(instabilityFinder(text)(2, text.length - "\0y.cfi\0z.llvm.1".length, data)).toBe(result !== name);
  return result;
}

describe("the stem of a function's name", () => {
  test.each([
    ["name_show", "name_show"],
    ["init_once.llvm.14172910296636650566", "init_once"],
    ["parse_options.llvm.fs/ext4/super.c", "parse_options"],
    ["calculate_order.isra.0.llvm.12", "calculate_order.isra.0"],
    ["calculate_order.isra.0", "calculate_order.isra.0"],
    ["do_one.constprop.0.isra.0", "do_one.constprop.0.isra.0"],
    ["free_area.part.0", "free_area.part.0"],
    ["free_area.part.0.cold", "free_area.part.0.cold"],
    ["panic.cold", "panic.cold"],
    ["count.0", "count.0"],
    ["a.llvmx.1", "a.llvmx.1"],
    ["a.llvm", "a.llvm"],
    [".llvm.1", ".llvm.1"],
    ["foo$707af9a22804d33c81801f27dcfe489b", "foo"],
    ["foo$707af9a22804d33c81801f27dcfe489g", "foo$707af9a22804d33c81801f27dcfe489g"],
    ["baz.707af9a22804d33c81801f27dcfe489b", "baz"],
    ["baz.707af9a22804d33c81801f27dcfe489b.cfi", "baz.cfi"],
    ["baz.707af9a22804d33c81801f27dcfe489b.cfi_jt", "baz.cfi_jt"],
    ["baz.707af9a22804d33c81801f27dcfe489", "baz.707af9a22804d33c81801f27dcfe489"],
    ["baz.707af9a22804d33c81801f27dcfe489bb", "baz.707af9a22804d33c81801f27dcfe489bb"],
    ["qux.lto_priv.0", "qux"],
    ["qux.lto_priv.0.cold", "qux.cold"],
    ["zz.content.1a2b3c4d", "zz"],
    ["foo.__part.1", "foo.__part.1"],
    ["foo.localalias.3", "foo.localalias.3"],
  ])("%s → %s", (name, expected) => {
    expect(stem(name, false)).toBe(expected);
  });
});

describe("the stem of a variable's name", () => {
  test.each([
    ["count.0", "count"],
    ["__warned.12", "__warned"],
    ["irq_next.count", "irq_next.count"],
    ["count.llvm.123", "count"],
    ["count.5.llvm.123", "count"],
    ["count.0.lto_priv.1", "count"],
    ["count.lto_priv.0", "count"],
    ["table.1.2", "table.1"],
    ["v2", "v2"],
    [".5", ".5"],
    ["x.", "x."],
    ["12", "12"],
  ])("%s → %s", (name, expected) => {
    expect(stem(name, true)).toBe(expected);
  });
});

const RUST_LEGACY = "_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE";
const CFI_HASH = "$707af9a22804d33c81801f27dcfe489b";

describe("the anatomy of", () => {
  // Prefix, base, variable and the kinds of the suffixes. First names of Debian's 6.1 and 6.12 kernels.
  test.each<[string, string, string, string | null, string]>([
    ["name_show", "", "name_show", null, ""],
    ["__sock_release.cold", "", "__sock_release", null, "cold"],
    ["ip_rcv_core.isra.0", "", "ip_rcv_core", null, "isra"],
    ["__alg_test_hash.constprop.0.cold", "", "__alg_test_hash", null, "constprop cold"],
    ["acpi_ns_check_sorted_list.part.0.isra.0", "", "acpi_ns_check_sorted_list", null, "part isra"],
    ["__pfx_NF_HOOK.constprop.0.isra.0", "__pfx_", "NF_HOOK", null, "constprop isra"],
    ["_entry_ptr.100135", "", "_entry_ptr", null, "number"],
    [".LC12", "", ".LC12", null, ""],
    [".E_copy", "", ".E_copy", null, ""],
    // clang 19, ThinLTO with -fsanitize=kcfi or without, and full LTO
    ["name_show.llvm.2078967789461028009", "", "name_show", null, "llvm"],
    ["__cfi_name_show.llvm.16458312256545925811", "__cfi_", "name_show", null, "llvm"],
    ["irq_next.count", "", "irq_next", "count", ""],
    ["init_once.count.4", "", "init_once", "count", "number"],
    ["init_once.1", "", "init_once", null, "number"],
    ["ip_finish.specialized.1", "", "ip_finish", null, "specialized"],
    // clang 19 with -mllvm -use-source-filename-for-promoted-locals, and the path itself
    ["init_once.llvm.b_c", "", "init_once", null, "llvm"],
    ["parse_options.llvm.fs/ext4/super.c", "", "parse_options", null, "llvm"],
    // clang 19 with -funique-internal-linkage-names
    ["_ZL9init_oncei.__uniq.189702194130118823156495581805298510048", "", "_ZL9init_oncei", null, "uniq"],
    // The kernel's own examples, in commits 8cc32a9bbff2 and, of LLVM before 13 and 16, 6eb4bd92c1ce
    ["bpf_verifier_vlog._entry", "", "bpf_verifier_vlog", "_entry", ""],
    ["bpf_verifier_vlog.__already_done", "", "bpf_verifier_vlog", "__already_done", ""],
    [`foo${CFI_HASH}`, "", "foo", null, "cfi-hash"],
    ["foo.cfi_jt", "", "foo", null, "cfi_jt"],
    // Older GCCs', and those of GCC's LTO
    ["do_exit.cold.57", "", "do_exit", null, "cold"],
    ["count.lto_priv.0", "", "count", null, "lto_priv"],
    // Rust's two kinds of names
    [RUST_LEGACY, "", RUST_LEGACY, null, ""],
    [`${RUST_LEGACY}.llvm.12`, "", RUST_LEGACY, null, "llvm"],
    [
      "_RNvNtCs3k_6kernel5print11rust_fmt_argument",
      "",
      "_RNvNtCs3k_6kernel5print11rust_fmt_argument",
      null,
      "",
    ],
    ["__pfx__RNvCs3k_6kernel4main.cold", "__pfx_", "_RNvCs3k_6kernel4main", null, "cold"],
    // Strange ones
    ["weird$name", "", "weird$name", null, ""],
    ["weird.name.v2", "", "weird", "name", "other"],
    ["__pfx_", "", "__pfx_", null, ""],
    ["a..b", "", "a", null, "other other"],
    ["a.llvm", "", "a", "llvm", ""],
    [CFI_HASH, "", CFI_HASH, null, ""],
    ["", "", "", null, ""],
  ])("%s", (name, prefix, base, variable, kinds) => {
    const { suffixes, ...parts } = anatomyOf(name, true);
    expect({ ...parts, kinds: suffixes.map(({ kind }) => kind).join(" ") }).toEqual({
      prefix,
      base,
      variable,
      kinds,
    });
  });

  // Of GCC and LLVM; no function is a static local variable.
  test.each(
    [
      ".localalias .localalias.3 .argprom .argelim .retelim .resume .destroy .hot .warm .unlikely .startup .ifunc .resolver",
      ".avx2 .nonpic .no_icf .uniq.77 .__uniq.123456.llvm.998877 .org.0 .simdclone.0 .omp_fn.0 .memprof.1 .extracted",
      ".specialized.1.argelim .content.1a2b3c4d .outlined .__part.1 .isra.0.constprop.0.cold .lto_priv.0.cold",
      ".707af9a22804d33c81801f27dcfe489b .707af9a22804d33c81801f27dcfe489b.cfi",
    ].flatMap((line) => line.split(" ")),
  )("a function's name with %s has its base", (suffix) => {
    expect(anatomyOf(`do_one${suffix}`, false)).toMatchObject({ prefix: "", base: "do_one", variable: null });
  });

  test("any name is split into parts that make up the name, and a base", () => {
    const words = fc.constantFrom(
      ..."a foo 0 12 __pfx_ __cfi_ isra constprop part cold llvm cfi_jt _ZN _R N".split(" "),
      ...[CFI_HASH, "17h0123456789abcdefE", "$", "..", "é", " "],
    );
    const pieces = fc.array(fc.oneof(words, fc.constant(".")), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, fc.boolean(), (pieces, isData) => {
        const name = pieces.join("");
        const { prefix, base, variable, suffixes } = anatomyOf(name, isData);
        const ending = suffixes.map(({ text }) => text).join("");
        expect(prefix + base + (variable === null ? "" : `.${variable}`) + ending).toBe(name);
        expect(base === "").toBe(name === "");
      }),
      { numRuns: 2000 },
    );
  });

  test("hostile names of a million bytes are handled", () => {
    for (const piece of ["_ZN1.17h", ".1", ".isra", "1$", "__pfx_", ".llvm"]) {
      const name = `_ZN${piece.repeat(200_000)}`;
      const { base } = anatomyOf(name, false);
      expect(base).not.toBe("");
      expect(name).toContain(base);
    }
  });
});

describe("the compared part of", () => {
  const compared = (name: string, names: KallsymsNames) => {
    const text = Buffer.from(`x${name}y`);
    return text.toString("utf8", 1, countedFinder(text, names)(1, text.length - 1, false));
  };
  test.each([
    ["foo", "foo", "foo", "foo"],
    ["foo.llvm.123", "foo.llvm.123", "foo", "foo"],
    ["foo.isra.0", "foo.isra.0", "foo.isra.0", "foo"],
    ["foo.isra.0.llvm.9", "foo.isra.0.llvm.9", "foo.isra.0", "foo"],
    [`foo${CFI_HASH}`, "foo", "foo", "foo"],
    [".slowpath", ".slowpath", ".slowpath", ".slowpath"],
    ["foo._entry", "foo._entry", "foo._entry", "foo"],
  ])("%s", (name, exact, llvm, all) => {
    expect(compared(name, "exact")).toBe(exact);
    expect(compared(name, "llvm")).toBe(llvm);
    expect(compared(name, "all")).toBe(all);
  });
});
