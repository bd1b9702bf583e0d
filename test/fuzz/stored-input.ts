// Inputs as text, with everything that a run reads, so that it can be repeated without the seeds and the compilers.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Input } from "./inputs.ts";

export interface StoredInput extends Omit<Input, "files" | "intact"> {
  /** In base 64, by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly intact: string;
}

export function storedInput(input: Input): StoredInput {
  const files = Object.entries(input.files).map(([path, bytes]) => [path, bytes.toString("base64")]);
  return { ...input, intact: input.intact.toString("base64"), files: Object.fromEntries(files) };
}

export function inputOf(stored: StoredInput): Input {
  const files = Object.entries(stored.files).map(([path, text]) => [path, Buffer.from(text, "base64")]);
  return { ...stored, intact: Buffer.from(stored.intact, "base64"), files: Object.fromEntries(files) };
}

/** Adds the seeds that a run reads: those that the command, or a text, names, and the listing of the changed image. */
export function withSeeds(input: Input, seedDirectory: string): Input {
  const texts = [
    ...input.args,
    ...Object.values(input.files).map((bytes) => bytes.toString("latin1")),
    `seeds/listing/${input.seed}`,
  ];
  const named = texts.flatMap((text) =>
    Array.from(text.matchAll(/seeds\/([\w-]+\/[\w.-]+)/g), ([, path = ""]) => path),
  );
  const found = [...new Set(named)].filter((path) => existsSync(join(seedDirectory, path)));
  const seeds = found.map((path) => [`seeds/${path}`, readFileSync(join(seedDirectory, path))]);
  return { ...input, files: { ...input.files, ...Object.fromEntries(seeds) } };
}
