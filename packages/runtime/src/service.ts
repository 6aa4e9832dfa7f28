/** What every long-lived part of a node is. */
export interface Service {
  /** Resolves once the service does its work. A second call changes nothing. */
  start(): Promise<void>;
  /** Resolves once nothing of the service runs any more. Safe to call at any time. */
  stop(): Promise<void>;
}

/** Starts in order, stops in reverse, and stops what it started if a later one fails. */
export function composeServices(services: readonly Service[]): Service {
  const started: Service[] = [];
  async function stop(): Promise<void> {
    for (;;) {
      const service = started.pop();
      if (service === undefined) return;
      await service.stop();
    }
  }
  return {
    async start() {
      if (started.length > 0) return;
      try {
        for (const service of services) {
          started.push(service);
          await service.start();
        }
      } catch (cause) {
        await stop();
        throw cause;
      }
    },
    stop,
  };
}
