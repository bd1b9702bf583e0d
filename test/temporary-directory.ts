import tmp from "tmp";
import { afterAll } from "vitest";

/** A directory that is gone, with all in it, when the tests of the file or group that asked for it have ended. */
export function temporaryDirectory(): string {
  const { name, removeCallback } = tmp.dirSync({ prefix: "kas-alias-test", unsafeCleanup: true });
  afterAll(() => removeCallback());
  return name;
}
