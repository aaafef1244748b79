import {
  LegendDisplayMode,
  LegendPlacement,
  TooltipDisplayMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  type Dashboard,
  DashboardBuilder,
  DatasourceVariableBuilder,
  RowBuilder,
  TextBoxVariableBuilder,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { type DashboardPlan, type PanelPlan, PRICE_DEFAULT, PRICE_VARIABLE } from "./panel.js";

/** The data source, chosen at the top of each dashboard: nobody's is named alike. */
const DATASOURCE = { type: "prometheus", uid: `\${datasource}` };

/** Grid columns and rows of a panel; Grafana has 24 columns. */
const PANEL_SPAN = 8;
const PANEL_HEIGHT = 8;

/** Makes Grafana's form of a plan. */
export function buildDashboard(plan: DashboardPlan): Dashboard {
  const builder = new DashboardBuilder(plan.title)
    .uid(plan.uid)
    .description(plan.description)
    .tags(["latentfarm", "generated"])
    .timezone("browser")
    .refresh("30s")
    .time({ from: "now-3h", to: "now" })
    .readonly()
    .withVariable(new DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"));
  if (plan.hasPrice) {
    builder.withVariable(
      new TextBoxVariableBuilder(PRICE_VARIABLE)
        .label("Price of a GPU hour")
        .description("What one worker's GPU costs an hour, in any currency")
        .defaultValue(PRICE_DEFAULT)
        .current({ selected: true, text: PRICE_DEFAULT, value: PRICE_DEFAULT }),
    );
  }
  // Grafana tells panels apart by their numbers, which stay while nothing is put before them.
  let id = 0;
  for (const row of plan.rows) {
    builder.withRow(new RowBuilder(row.title).id(++id));
    for (const panel of row.panels) builder.withPanel(buildPanel(panel).id(++id));
  }
  return builder.build();
}

function buildPanel({ title, description, unit, queries }: PanelPlan): PanelBuilder {
  const builder = new PanelBuilder()
    .title(title)
    .description(description)
    .unit(unit)
    .min(0)
    .legend(
      new VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
    .span(PANEL_SPAN)
    .height(PANEL_HEIGHT)
    .datasource(DATASOURCE);
  for (const [index, { expr, legend }] of queries.entries()) {
    const refId = String.fromCharCode("A".charCodeAt(0) + index);
    builder.withTarget(
      new DataqueryBuilder().expr(expr).legendFormat(legend).refId(refId).range().datasource(DATASOURCE),
    );
  }
  return builder;
}
