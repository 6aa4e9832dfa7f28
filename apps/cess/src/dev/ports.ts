import { createServer } from "node:net";
import { CLIError } from "../error.ts";

/**
 * Finds out before anything starts whether all endpoints can be listened on.
 *
 * @throws {@link CLIError} `PORT_TAKEN`
 */
export async function assertPortsFree(endpoints: readonly string[]): Promise<void> {
  for (const endpoint of endpoints) {
    const { hostname, port } = new URL(endpoint);
    if (!(await isFree(hostname, Number(port)))) {
      throw new CLIError({ code: "PORT_TAKEN", port: Number(port) });
    }
  }
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
