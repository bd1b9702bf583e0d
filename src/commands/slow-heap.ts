import { setFlagsFromString } from "node:v8";

/** From this number of rows on, memory matters more than time. */
const MANY_ROWS = 200_000;

/** With tables of many rows, makes V8 collect garbage whenever the heap has grown by a tenth, instead of by its own size. */
export function growHeapSlowly(tables: readonly { readonly header: { readonly rows: number } }[]): void {
  const rows = tables.reduce((sum, { header }) => sum + header.rows, 0);
  if (rows > MANY_ROWS) setFlagsFromString("--heap-growing-percent=10");
}
