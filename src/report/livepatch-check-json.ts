import type { CheckedPatch } from "../livepatch/check-patch.ts";

/** The references and faults of a live patch, as one line of JSON. */
export function checkAsJson({ meanings, faults }: CheckedPatch): string {
  const references = meanings.map(({ reference, row }) => ({
    ...reference,
    alias: row?.alias ?? null,
    file: row?.file ?? null,
    line: row?.line ?? null,
  }));
  return `${JSON.stringify({ references, faults })}\n`;
}
