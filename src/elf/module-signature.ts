import { damaged } from "../failure.ts";
import type { ElfFile } from "./elf-file.ts";

/** MODULE_SIG_STRING (include/linux/module_signature.h): the end of a signed module. */
const MODULE_SIG_STRING = Buffer.from("~Module signature appended~\n");

/** sizeof(struct module_signature); it precedes that string. */
const MODULE_SIGNATURE_BYTES = 12;

/** Whether a module has an appended signature (scripts/sign-file.c). Like the kernel, it checks for MODULE_SIG_STRING. */
export function hasModuleSignature({ file }: ElfFile): boolean {
  const length = MODULE_SIG_STRING.length;
  return file.size >= length && MODULE_SIG_STRING.equals(file.read(file.size - length, length));
}

/**
 * The offset of the signature in the file of a signed module. The bytes before it are the signed content.
 *
 * @throws Failure if the signature claims to be longer than the file
 */
export function moduleSignatureStart({ path, file }: ElfFile): number {
  const end = file.size - MODULE_SIG_STRING.length - MODULE_SIGNATURE_BYTES;
  const bytes = file.read(end, MODULE_SIGNATURE_BYTES);
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Before Linux 4.3, the signer's name and a key identifier came first. Both are empty since then.
  const signerLength = header.getUint8(3);
  const keyIdLength = header.getUint8(4);
  const signatureLength = header.getUint32(8); // big-endian on every machine
  const start = end - signerLength - keyIdLength - signatureLength;
  if (start < 0) throw damaged(`${path}: module signature`, "is longer than the file");
  return start;
}
