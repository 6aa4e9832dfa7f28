/**
 * Memory of a kernel below this address is the kernel's own, for its constants; all above is laid
 * out by the host. One page of WebAssembly memory.
 */
export const KERNEL_HEAP_BYTES: number = 65_536;
