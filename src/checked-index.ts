/**
 * The item at an index that the caller knows to be within bounds.
 *
 * The compiler takes `items[index]` for possibly undefined. A cast would hide a wrong index as NaN or 0 further on; this fails
 * where it is used.
 *
 * @throws RangeError for an index out of bounds, which is a defect of this program
 */
export function at<T>(items: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${items.length}`);
  return item;
}
