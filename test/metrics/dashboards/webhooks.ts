import { type DashboardPlan, farmRate, mean, panel, quantiles, sumRate, WINDOW } from "./panel.js";

/** Webhooks: whether they arrive, how late, and why not. */
export const WEBHOOKS: DashboardPlan = {
  uid: "latentfarm-webhooks",
  title: "Latentfarm: webhooks",
  description: "Whether webhooks arrive, how late, and why not",
  hasPrice: false,
  rows: [
    {
      title: "Deliveries",
      panels: [
        panel(
          {
            title: "Attempts",
            unit: "ops",
            description: "By how they ended; a receiver's fault is status or timeout.",
          },
          [sumRate("farm_delivery_attempts_total", "outcome"), "{{outcome}}"],
        ),
        panel(
          { title: "Attempts that counted", unit: "percentunit", description: "Share of all attempts." },
          [
            `${sumRate('farm_delivery_attempts_total{outcome="delivered"}')} / ${sumRate("farm_delivery_attempts_total")}`,
            "delivered",
          ],
        ),
        panel(
          { title: "Age on arrival", unit: "s", description: "From the event to the attempt that counted." },
          ...quantiles("farm_delivery_age_seconds", '{outcome="delivered"}'),
        ),
        panel(
          { title: "Seconds of an attempt", unit: "s", description: "How long receivers take." },
          [mean("farm_delivery_attempt_seconds"), "mean"],
          ...quantiles("farm_delivery_attempt_seconds"),
        ),
        panel(
          {
            title: "Events without a delivery",
            unit: "short",
            description: "More than 0 for long: no courier runs.",
          },
          ["max(farm_outbox_events)", "events"],
        ),
        panel(
          {
            title: "Given up",
            unit: "short",
            description:
              "Dead letters in the window; at once: the tenant had too many pending. They can be sent again.",
          },
          [`max(increase(farm_deliveries_dead_total[${WINDOW}]))`, "dead"],
          [`max(increase(farm_deliveries_overflowed_total[${WINDOW}]))`, "dead at once"],
          [`max(increase(farm_deliveries_delivered_total[${WINDOW}]))`, "delivered"],
        ),
        panel({ title: "Failed attempts", unit: "ops", description: "As the whole farm counts them." }, [
          farmRate("farm_deliveries_failed_total"),
          "failed",
        ]),
      ],
    },
    {
      title: "Couriers",
      panels: [
        panel({ title: "Event loop lag", unit: "s", description: "99 of 100 turns were late at most so." }, [
          'max by (instance) (nodejs_eventloop_lag_p99_seconds{job="courier"})',
          "{{instance}}",
        ]),
        panel({ title: "Memory", unit: "bytes", description: "Resident." }, [
          'sum by (instance) (process_resident_memory_bytes{job="courier"})',
          "{{instance}}",
        ]),
      ],
    },
  ],
};
