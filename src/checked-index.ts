/** The item at an index. @throws RangeError for an index that is out of range, which is a defect of the program */
export function at<T>(items: { readonly [index: number]: T; readonly length: number }, index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`index ${index} of ${items.length}`);
  return item;
}
