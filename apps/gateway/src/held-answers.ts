/** Counts the answers that are held open for each tenant: event streams and waits. */
export interface HeldAnswers {
  /** Takes a place, which is given back by the call that it gives; undefined when the tenant has as many as it may. */
  take(tenant: string): (() => void) | undefined;
}

/** Counts up to `max` for each tenant. A tenant that holds none takes no room. */
export function createHeldAnswers(max: number): HeldAnswers {
  const held = new Map<string, number>();
  return {
    take(tenant) {
      const present = held.get(tenant) ?? 0;
      if (present >= max) return undefined;
      held.set(tenant, present + 1);
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        const left = (held.get(tenant) ?? 1) - 1;
        if (left === 0) held.delete(tenant);
        else held.set(tenant, left);
      };
    },
  };
}
