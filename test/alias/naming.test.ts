import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  aliasName,
  aliasStem,
  mangle,
  type Place,
  plainAlias,
  separatorFault,
} from "../../src/alias/naming.ts";

const OPTIONS = { separator: "@", disambiguate: true, maxNameLength: 512, kallsymsNames: "exact" } as const;
const place = (file: string, line: number | null, unit: string | null = file): Place => ({
  file,
  line,
  unit,
});

describe("an alias", () => {
  test.each<[string, string, Place]>([
    ["name_show@drivers_rtc_sysfs_c_26", "name_show", place("drivers/rtc/sysfs.c", 26)],
    [
      "dst_output@include_net_dst_h_467@net_ipv4_ip_output_c",
      "dst_output",
      place("include/net/dst.h", 467, "net/ipv4/ip_output.c"),
    ],
    ["calculate_order.isra.0@mm_slub_c_9", "calculate_order.isra.0", place("mm/slub.c", 9)],
    ["swap_words@nodebug_c", "swap_words", place("nodebug.c", null, null)],
    ["f@a_b_c_1", "f", place("a-b.c", 1)],
    ["f_x@a_c_1", "f@x", place("a.c", 1)],
    ["a_b_c_d_e_f_g_h@a_c_1", "a+b-c:d%e/f#g=h", place("a.c", 1)],
    ["operator_new_@a_c_1", "operator\tnew\n", place("a.c", 1)],
    ["f$x.1@a_c_1", "f$x.1", place("a.c", 1)],
    ["f@arch_x86_kernel__ber_S_1", "f", place("arch/x86/kernel/über.S", 1)],
  ])("%s", (alias, stem, where) => {
    expect(aliasName(stem, where, OPTIONS)).toBe(alias);
  });

  test("in its plain form has no unit", () => {
    const where = place("include/net/dst.h", 467, "net/ipv4/ip_output.c");
    expect(plainAlias("dst_output", where, OPTIONS)).toBe("dst_output@include_net_dst_h_467");
    expect(aliasName("dst_output", where, { ...OPTIONS, disambiguate: false })).toBe(
      "dst_output@include_net_dst_h_467",
    );
  });

  test("of a place with an unknown unit has no unit", () => {
    expect(aliasName("f", place("include/net/dst.h", 4, null), OPTIONS)).toBe("f@include_net_dst_h_4");
  });
});

const separators = fc.constantFrom(..."@,;!&()<>[]^{|}~");
const stems = fc.string({ unit: "binary", minLength: 1, maxLength: 40 });
const paths = fc
  .array(fc.string({ unit: fc.constantFrom(..."abcxyz019-_.+ ü"), minLength: 1, maxLength: 12 }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join("/"));
const places = fc.record({
  file: paths,
  line: fc.option(fc.integer({ min: 1, max: 2 ** 31 })),
  unit: fc.option(paths),
});

test("an alias has the form stem SEP place [SEP unit], and keeps its stem and line when shortened", () => {
  fc.assert(
    fc.property(
      stems,
      places,
      separators,
      fc.integer({ min: 8, max: 160 }),
      (stem, where, separator, limit) => {
        const options = { ...OPTIONS, separator, maxNameLength: limit };
        const alias = aliasName(stem, where, options);
        const shownStem = aliasStem(stem, options);
        if (alias === null) {
          // Not even stem, separator, a hash of six digits and the line fit.
          const least = `${shownStem}${separator}123456${where.line === null ? "" : `_${where.line}`}`;
          expect(Buffer.byteLength(least)).toBeGreaterThan(limit - 1);
          return;
        }
        expect(Buffer.byteLength(alias)).toBeLessThan(limit);
        const [first, ...rest] = alias.split(separator);
        expect(first).toBe(shownStem);
        expect(rest.length).toBeGreaterThan(0);
        expect(rest.length).toBeLessThan(3);
        for (const part of rest) expect(part).toMatch(/^[A-Za-z0-9_]+$/);
        if (where.line !== null) expect(rest[0]).toMatch(new RegExp(`_${where.line}$`));
        expect(alias).not.toMatch(/[+\-:%/#=\s\p{Cc}]/u);
      },
    ),
    { numRuns: 1000 },
  );
});

test("an alias that is short enough has the whole place and unit", () => {
  fc.assert(
    fc.property(places, (where) => {
      const unit = where.unit === null || where.unit === where.file ? "" : `@${mangle(where.unit)}`;
      const line = where.line === null ? "" : `_${where.line}`;
      expect(aliasName("f", where, OPTIONS)).toBe(`f@${mangle(where.file)}${line}${unit}`);
    }),
  );
});

describe("a long alias", () => {
  const where = place("include/linux/kernel.h", 12, "drivers/net/ethernet/driver.c");
  const within = (maxNameLength: number, reserved = 0) =>
    aliasName("f", where, { ...OPTIONS, maxNameLength }, reserved);
  const full = "f@include_linux_kernel_h_12@drivers_net_ethernet_driver_c";

  test("loses path components from the left, first of the unit, and gets a hash instead", () => {
    expect(within(full.length + 1)).toBe(full);
    expect(within(full.length)).toMatch(/^f@include_linux_kernel_h_12@[0-9a-f]{6}_net_ethernet_driver_c$/);
    expect(within(48)).toMatch(/^f@include_linux_kernel_h_12@[0-9a-f]{6}_driver_c$/);
    expect(within(37)).toMatch(/^f@include_linux_kernel_h_12@[0-9a-f]{6}$/);
    expect(within(27)).toMatch(/^f@[0-9a-f]{6}_linux_kernel_h_12$/);
    expect(within(26)).toMatch(/^f@[0-9a-f]{6}_kernel_h_12$/);
    expect(within(13)).toMatch(/^f@[0-9a-f]{6}_12$/);
  });

  test("is dropped if stem, hash and line do not fit", () => {
    expect(within(12)).toMatch(/^f@[0-9a-f]{6}_12$/);
    expect(within(11)).toBeNull();
  });

  test("has the same hash for any length, and another hash for another place", () => {
    const hashOf = (alias: string | null) => /@([0-9a-f]{6})(?=_|$)/.exec(alias ?? "")?.[1];
    expect(hashOf(within(48))).toBe(hashOf(within(13)));
    const elsewhere = aliasName("f", { ...where, line: 13 }, { ...OPTIONS, maxNameLength: 48 });
    expect(hashOf(elsewhere)).not.toBe(hashOf(within(48)));
  });

  test("leaves room for a suffix", () => {
    expect(within(full.length + 3, 2)).toBe(full);
    expect(within(full.length + 2, 2)).not.toBe(full);
  });

  test("is measured in bytes", () => {
    const stem = "ü".repeat(10);
    const alias = `${stem}@a_c_1`;
    expect(aliasName(stem, place("a.c", 1), { ...OPTIONS, maxNameLength: 27 })).toBe(alias);
    expect(aliasName(stem, place("a.c", 1), { ...OPTIONS, maxNameLength: 26 })).toBeNull();
  });
});

describe("a separator", () => {
  test("is one printable ASCII character that means nothing in aliases, probes, shells and globs", () => {
    const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i));
    const taken = printable.filter((character) => separatorFault(character) === undefined).join("");
    expect(taken).toBe("!&(),;<>@[]^{|}~");
  });

  test.each(["", "@@", " ", "\t", "\n", "\x7f", "é", "💡", "a", "Z", "0"])("%j is refused", (separator) => {
    expect(separatorFault(separator)).toMatch(/^Give one printable character/);
  });
});
