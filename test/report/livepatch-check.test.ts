import { expect, test } from "vitest";
import type { CheckedPatch } from "../../src/livepatch/check-patch.ts";
import { checkAsJson } from "../../src/report/livepatch-check-json.ts";
import { checkAsText } from "../../src/report/livepatch-check-text.ts";
import { row } from "../table/tables.ts";

const checked: CheckedPatch = {
  meanings: [
    {
      reference: { kind: "klp_func", object: "vmlinux", name: "name_show", position: 5 },
      row: row({ name: "name_show", file: "drivers/rtc/sysfs.c", line: 26, sympos: 5 }),
    },
    {
      reference: { kind: "klp.sym", object: "rtc", name: "copy", position: 0 },
      row: row({ name: "copy", file: null, line: null }),
    },
    { reference: { kind: "KLP_SYMPOS", object: "vmlinux", name: "gone", position: 1 }, row: null },
  ],
  faults: [{ subject: "klp_func vmlinux a\u001b[0m 0", problem: "is replaced twice" }],
};

test("as text: the meaning of each reference, then the faults, one line each, without control characters", () => {
  expect(checkAsText(checked)).toBe(
    [
      "klp_func vmlinux name_show 5: name_show@drivers_rtc_sysfs_c_26, drivers/rtc/sysfs.c:26\n",
      "klp.sym rtc copy 0: copy\n",
      "KLP_SYMPOS vmlinux gone 1: not in the table\n",
      "fault: klp_func vmlinux a\\x1b[0m 0: is replaced twice\n",
    ].join(""),
  );
});

test("as JSON: alias, file and line of each reference's symbol; null if it has none", () => {
  const { references, faults } = JSON.parse(checkAsJson(checked));
  expect(references).toEqual([
    {
      ...checked.meanings[0]?.reference,
      alias: "name_show@drivers_rtc_sysfs_c_26",
      file: "drivers/rtc/sysfs.c",
      line: 26,
    },
    { ...checked.meanings[1]?.reference, alias: null, file: null, line: null },
    { ...checked.meanings[2]?.reference, alias: null, file: null, line: null },
  ]);
  expect(faults).toEqual(checked.faults);
});
