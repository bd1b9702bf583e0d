import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { hasContent } from "../../src/files/file-content.ts";
import { temporaryDirectory } from "../temporary-directory.ts";

const directory = temporaryDirectory();
const bytes = (text: string) => Buffer.from(text);

test("a file has the content that was written, for any division into pieces, and no other content", () => {
  const path = join(directory, "file");
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (pieces, other) => {
      writeFileSync(path, pieces.join(""));
      expect(hasContent(path, pieces.map(bytes), "fails")).toBe(true);
      expect(hasContent(path, [...pieces, other].map(bytes), "fails")).toBe(other === "");
      expect(hasContent(path, [bytes(other)], "fails")).toBe(other === pieces.join(""));
    }),
  );
});

test("no piece is requested after a difference", () => {
  const path = join(directory, "first");
  writeFileSync(path, "abc");
  const pieces = function* () {
    yield bytes("x");
    throw new Error("taken");
  };
  expect(hasContent(path, pieces(), "fails")).toBe(false);
});

describe("a file that", () => {
  test("does not exist has no content", () => {
    expect(hasContent(join(directory, "missing"), [], "fails")).toBe(false);
    expect(hasContent(join(directory, "missing"), [], "differs")).toBe(false);
  });

  test("cannot be read differs, or is an error", () => {
    const path = join(directory, "folder");
    mkdirSync(path);
    expect(hasContent(path, [bytes("a")], "differs")).toBe(false);
    const message = `${path}: is a directory; name a file`;
    expect(() => hasContent(path, [bytes("a")], "fails")).toThrow(message);
  });

  test("is below another file is an error, since it cannot be written either", () => {
    const path = join(directory, "first", "below");
    expect(() => hasContent(path, [bytes("a")], "fails")).toThrow("cannot be read");
  });
});

test("a failure of a piece is reported", () => {
  const path = join(directory, "first");
  const pieces = function* () {
    yield bytes("a");
    throw new Failure("DAMAGED", "piece", "is damaged");
  };
  for (const unreadable of ["fails", "differs"] as const) {
    expect(() => hasContent(path, pieces(), unreadable)).toThrow("piece: is damaged");
  }
});
