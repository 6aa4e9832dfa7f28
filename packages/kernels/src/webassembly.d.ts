/** The part of the WebAssembly JavaScript interface that this package uses; Node has it built in. */
interface WebAssemblyMemory {
  readonly buffer: ArrayBuffer;
}

interface WebAssemblyModule {
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}

declare const WebAssembly: {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
  }) => WebAssemblyMemory;
  readonly Module: new (bytes: Uint8Array) => WebAssemblyModule;
  readonly Instance: new (
    module: WebAssemblyModule,
    imports: { readonly env: { readonly memory: WebAssemblyMemory } },
  ) => { readonly exports: object };
};
