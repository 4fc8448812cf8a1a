// Write strict JSON Schemas of the custom resources that the chart renders, from the types that npm packages publish.
import { writeFileSync } from "node:fs";
import { createGenerator } from "ts-json-schema-generator";

const KINDS = [
  ["keda", "keda.sh/v1alpha1", "ScaledObject"],
  ["keda", "keda.sh/v1alpha1", "TriggerAuthentication"],
  ["prometheus-operator", "monitoring.coreos.com/v1", "ServiceMonitor"],
  ["prometheus-operator", "monitoring.coreos.com/v1", "PrometheusRule"],
  ["gateway-api", "gateway.networking.k8s.io/v1", "HTTPRoute"],
];

for (const [models, api, kind] of KINDS) {
  const schema = createGenerator({
    path: `node_modules/@kubernetes-models/${models}/${api}/${kind}.d.ts`,
    type: `I${kind}`,
    additionalProperties: false,
    tsconfig: "tsconfig.json",
    skipTypeCheck: true,
    expose: "export",
    topRef: true,
    sortProps: true,
    jsDoc: "none",
    encodeRefs: false,
    functions: "hide",
  }).createSchema(`I${kind}`);
  writeFileSync(`${kind.toLowerCase()}.json`, JSON.stringify(schema, null, 1) + "\n");
}
