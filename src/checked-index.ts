/**
 * An item of a list or typed array. The compiler does not know that an index is within bounds: this checks it, so that a wrong one
 * ends in an error instead of `undefined` in a calculation.
 *
 * @throws RangeError for an index out of range
 */
export function at<T>(items: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${items.length}`);
  return item;
}
