import { CodedError } from "@cess/std/error";

export type KernelErrorDetail = { readonly code: "KERNEL_NOT_BUILT"; readonly name: string };

export class KernelError extends CodedError<KernelErrorDetail> {
  constructor(detail: KernelErrorDetail) {
    super(detail, `kernel ${detail.name} is not built: run "npm run prepare"`);
  }
}
