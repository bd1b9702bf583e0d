/**
 * The item at an index that the caller knows to be within bounds.
 *
 * For the compiler, `items[index]` may be undefined. A cast would turn a wrong index into NaN or 0 later on; this function fails
 * at the point of use.
 *
 * @throws RangeError for an index out of bounds, which is a defect of this program
 */
export function at<T>(items: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${items.length}`);
  return item;
}
