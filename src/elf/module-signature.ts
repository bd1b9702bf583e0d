import { damaged } from "../failure.ts";
import type { ElfFile } from "./elf-file.ts";

/** MODULE_SIG_STRING (include/linux/module_signature.h), which ends a signed module. */
const MODULE_SIG_STRING = Buffer.from("~Module signature appended~\n");

/** sizeof(struct module_signature), which stands in front of that string. */
const MODULE_SIGNATURE_BYTES = 12;

/** Whether a signature is appended to a module (scripts/sign-file.c): the kernel looks for the string that ends it. */
export function hasModuleSignature({ file }: ElfFile): boolean {
  const length = MODULE_SIG_STRING.length;
  return file.size >= length && MODULE_SIG_STRING.equals(file.read(file.size - length, length));
}

/**
 * Where the signature of a signed module begins, as an offset in the file; what is in front of it has been signed.
 *
 * @throws Failure for a signature that says that it is longer than the file
 */
export function moduleSignatureStart({ path, file }: ElfFile): number {
  const end = file.size - MODULE_SIG_STRING.length - MODULE_SIGNATURE_BYTES;
  const bytes = file.read(end, MODULE_SIGNATURE_BYTES);
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Before Linux 4.3 the signer's name and a key identifier came first; both are empty since.
  const signerLength = header.getUint8(3);
  const keyIdLength = header.getUint8(4);
  const signatureLength = header.getUint32(8); // big-endian on every machine
  const start = end - signerLength - keyIdLength - signatureLength;
  if (start < 0) throw damaged(`${path}: module signature`, "is longer than the file");
  return start;
}
