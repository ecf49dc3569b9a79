// tests/external/otlp_metrics.js - reads OTLP/JSON with OpenTelemetry's own message definitions.
//
//     node otlp_metrics.js run.otlp.json
"use strict";
const assert = require("assert");
const fs = require("fs");
const path = require("path");

const package_folder = path.dirname(require.resolve("@opentelemetry/otlp-transformer/package.json"));
const root = require(path.join(package_folder, "build/src/generated/root.js"));
const request_type =
  root.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest;

// What the definitions don't know would be dropped in silence; so nothing may be missing.
function assert_kept(written, read, where) {
  if (Array.isArray(written)) {
    assert(Array.isArray(read) && read.length === written.length, where + ": entries lost");
    written.forEach((value, i) => assert_kept(value, read[i], `${where}[${i}]`));
  } else if (written !== null && typeof written === "object") {
    for (const key of Object.keys(written)) {
      assert(read && key in read, `${where}.${key} is no field of the protocol`);
      assert_kept(written[key], read[key], `${where}.${key}`);
    }
  } else {
    assert.strictEqual(String(read), String(written), where);
  }
}

const written = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
assert.strictEqual(request_type.verify(request_type.fromObject(written)), null);
const bytes = request_type.encode(request_type.fromObject(written)).finish();
const read = request_type.toObject(request_type.decode(bytes), { longs: String, enums: Number });
assert_kept(written, read, "request");
const metrics = read.resourceMetrics[0].scopeMetrics[0].metrics;
const energy = metrics.find((m) => m.name === "joulery.scope.energy").sum;
assert.strictEqual(energy.dataPoints.length, 5);
assert.strictEqual(energy.dataPoints[1].asDouble, 320);
console.log(`passed: ${metrics.length} metrics survive OpenTelemetry's binary form (${bytes.length} bytes)`);
