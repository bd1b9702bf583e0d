import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareKernelVersions } from "../../src/table/kernel-version.ts";

const RELEASES = [
  "5.10.0-9-amd64",
  "6.1.0-9-cloud-amd64",
  "6.1.0-56-cloud-amd64",
  "6.1.0-56-cloud-amd64-dbg",
  "6.9.12",
  "6.12.0-rc1",
  "6.12.0-rc7",
  "6.12.0-rc10",
  "6.12.0",
  "6.12.0+",
  "6.12.9+deb13-amd64",
  "6.12.117+deb12-cloud-amd64",
  "6.18",
  "7.0.0-rc1-next-20260401",
];

/** What dpkg says; with a revision of its own no hyphen of the release is taken for one's beginning. */
function byDpkg(a: string, b: string): number {
  const [x, y] = [a, b].map((release) => `${release.replace(/-(?=rc[0-9])/, "~")}-0`);
  const is = (relation: string) => {
    const { error, status } = spawnSync("dpkg", ["--compare-versions", x ?? "", relation, y ?? ""]);
    if (error !== undefined) throw error;
    expect([0, 1]).toContain(status);
    return status === 0;
  };
  return is("lt") ? -1 : is("gt") ? 1 : 0;
}

test("releases are ordered by age", () => {
  const shuffled = RELEASES.toSorted((a, b) => (a < b ? 1 : -1));
  expect(shuffled.sort(compareKernelVersions)).toEqual(RELEASES);
});

test("every two releases are ordered as dpkg does", () => {
  for (const a of RELEASES) {
    for (const b of RELEASES) expect(Math.sign(compareKernelVersions(a, b))).toBe(byDpkg(a, b));
  }
});

test("so are any two", () => {
  const release = fc.stringMatching(/^[0-9]{1,3}([.+~-]?(rc)?[0-9a-z]{1,3}){0,4}$/);
  fc.assert(
    fc.property(release, release, (a, b) => {
      expect(Math.sign(compareKernelVersions(a, b))).toBe(byDpkg(a, b));
    }),
    { numRuns: 150 },
  );
});
