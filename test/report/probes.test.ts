import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventNames } from "../../src/report/probes.ts";

describe("the names of events", () => {
  test("are the aliases with underscores", () => {
    expect(eventNames(["name_show@drivers_rtc_sysfs_c_26", "a.isra.0@b_c_1", "3com@x_c_2"])).toEqual([
      "name_show_drivers_rtc_sysfs_c_26",
      "a_isra_0_b_c_1",
      "_3com_x_c_2",
    ]);
  });

  test("keep the function's name and end in a hash if they are too long", () => {
    const long = `dst_output@${"include_net_".repeat(5)}dst_h_467`;
    expect(eventNames([long])).toEqual([
      expect.stringMatching(/^dst_output_include_net_\w{31}_[0-9a-f]{8}$/),
    ]);
    expect(eventNames([`x${"_".repeat(62)}`])).toEqual([`x${"_".repeat(62)}`]);
    expect(eventNames([long, "a@b_c_1"])[0]).toBe(eventNames([long])[0]);
  });

  test("of two aliases that differ only in other characters end in hashes", () => {
    const [one, other, third] = eventNames(["a@b_c_1", "a.b@c_1", "d@e_c_1"]);
    expect(one).toMatch(/^a_b_c_1_[0-9a-f]{8}$/);
    expect(other).toMatch(/^a_b_c_1_[0-9a-f]{8}$/);
    expect(one).not.toBe(other);
    expect(third).toBe("d_e_c_1");
  });

  test("are unique C identifiers of at most 63 bytes, for any order of aliases", () => {
    const alias = fc.stringMatching(/^[a-c.$é@_]{1,80}$/);
    fc.assert(
      fc.property(fc.uniqueArray(alias), (aliases) => {
        const names = eventNames(aliases);
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) expect(name).toMatch(/^[A-Za-z_]\w{0,62}$/);
        expect(eventNames(aliases.toReversed()).toReversed()).toEqual(names);
      }),
    );
  });
});
