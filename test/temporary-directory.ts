import tmp from "tmp";
import { afterAll } from "vitest";

/** A directory that is removed, with its contents, after the tests of the calling file or group. */
export function temporaryDirectory(): string {
  const { name, removeCallback } = tmp.dirSync({ prefix: "kas-alias-test", unsafeCleanup: true });
  afterAll(() => removeCallback());
  return name;
}
