import fc from "fast-check";
import { expect, test } from "vitest";
import { compareKernelVersions } from "../../src/table/kernel-version.ts";
import { tool } from "../tool.ts";

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

/**
 * dpkg's order of pairs: -1, 0 or 1. A revision is added, so that no hyphen of the release is taken for the start of one. One shell
 * starts all the dpkgs, since a process costs Node more than it costs a shell.
 */
function byDpkg(pairs: readonly (readonly [string, string])[]): number[] {
  const script = `while read -r a b; do
    if dpkg --compare-versions "$a" lt "$b"; then echo -1
    elif dpkg --compare-versions "$a" eq "$b"; then echo 0
    elif dpkg --compare-versions "$a" gt "$b"; then echo 1
    else echo "$a $b"; fi
  done`;
  const version = (release: string) => `${release.replace(/-(?=rc[0-9])/, "~")}-0`;
  const lines = pairs.map(([a, b]) => `${version(a)} ${version(b)}\n`);
  const said = tool("sh", ["-c", script], lines.join("")).toString().trimEnd().split("\n");
  expect(said).toHaveLength(pairs.length);
  expect(said.filter((word) => !/^(-1|0|1)$/.test(word))).toEqual([]);
  return said.map(Number);
}

/** Each pair, with the answer that is given for it. */
function expectAsDpkg(pairs: readonly (readonly [string, string])[]): void {
  const told = (answers: readonly number[]) => pairs.map(([a, b], i) => `${a} ${b}: ${answers[i]}`);
  const ours = pairs.map(([a, b]) => Math.sign(compareKernelVersions(a, b)));
  expect(told(ours)).toEqual(told(byDpkg(pairs)));
}

test("releases are ordered by age", () => {
  const shuffled = RELEASES.toSorted((a, b) => (a < b ? 1 : -1));
  expect(shuffled.sort(compareKernelVersions)).toEqual(RELEASES);
});

test("any two of the releases are ordered as by dpkg", () => {
  expectAsDpkg(RELEASES.flatMap((a) => RELEASES.map((b) => [a, b] as const)));
});

test("generated releases are ordered as by dpkg", () => {
  const release = fc.stringMatching(/^[0-9]{1,3}([.+~-]?(rc)?[0-9a-z]{1,3}){0,4}$/);
  expectAsDpkg(fc.sample(fc.tuple(release, release), 300));
});
