import { readFileSync } from "node:fs";
import { cannotRead, errorCode } from "../failure.ts";

/** Whether a file has this content already: writing it again would make `make` do what depends on it again. */
export function holds(path: string, content: Buffer): boolean {
  try {
    return readFileSync(path).equals(content);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw cannotRead(path, error);
  }
}
