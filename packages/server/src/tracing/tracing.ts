// Spans for OpenTelemetry by its own SDK: one for each request, and below it one for each SSH connect and each request to OCI and Docker.

import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/variables.ts';
import type { AdapterWatch } from '../process/adapters.ts';
import { addRequestSpans, type RequestSpan } from './request-spans.ts';

export interface Tracing extends Required<AdapterWatch> {
  /** Has each request of it traced, health probes left out; before any other hook. */
  watch(app: FastifyInstance): void;
  /** Which trace a line of the log belongs to. */
  toLogFields(): { readonly trace_id?: string; readonly span_id?: string };
  /** Sends what is left; never rejects. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TracingOptions
  extends Pick<
    Config,
    | 'OTEL_EXPORTER_OTLP_HEADERS'
    | 'OTEL_SERVICE_NAME'
    | 'OTEL_RESOURCE_ATTRIBUTES'
    | 'OTEL_TRACES_SAMPLER'
    | 'OTEL_TRACES_SAMPLER_ARG'
  > {
  readonly OTEL_EXPORTER_OTLP_ENDPOINT: string;
  /** Told why spans could not be sent. */
  readonly onFailure: (error: unknown) => void;
}

/** Sends what has ended every five seconds; disposing sends the rest. */
export function createTracing(options: TracingOptions): Tracing {
  setGlobalErrorHandler(options.onFailure);
  const exporter = new OTLPTraceExporter({
    url: `${options.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces`,
    headers: options.OTEL_EXPORTER_OTLP_HEADERS ?? {},
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      ...options.OTEL_RESOURCE_ATTRIBUTES,
      'service.name': options.OTEL_SERVICE_NAME,
    }),
    sampler: toSampler(options),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('@ondemand/server');
  const propagator = new W3CTraceContextPropagator();
  const contexts = new AsyncLocalStorage<Context>();

  return {
    watch: (app) => addRequestSpans(app, { begin: beginRequest }),
    onOciRequest(operation, outcome, durationMs) {
      const status = /^\d+$/.test(outcome) ? Number(outcome) : undefined;
      recordCall(`OCI ${operation}`, { durationMs, status, reason: outcome });
    },
    onDockerRequest({ operation, status, durationMs }) {
      recordCall(`Docker ${operation}`, { durationMs, status, reason: 'no answer' });
    },
    onSshEvent(event) {
      if (event.type === 'connected') recordCall('SSH connect', { durationMs: event.durationMs });
      if (event.type === 'failed')
        recordCall('SSH connect', {
          durationMs: event.durationMs,
          reason: String(event.error.details.reason),
        });
    },
    toLogFields() {
      const current = trace.getSpanContext(contexts.getStore() ?? ROOT_CONTEXT);
      return current === undefined ? {} : { trace_id: current.traceId, span_id: current.spanId };
    },
    async [Symbol.asyncDispose]() {
      await provider.shutdown().catch(options.onFailure);
      contexts.disable(); // else each promise of this process goes on paying for it
    },
  };

  function beginRequest(headers: object, method: string, attributes: Attributes): RequestSpan {
    const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
    const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
    const context = trace.setSpan(parent, span);
    return {
      run: (work) => contexts.run(context, work),
      end(name, more, isFailure) {
        span.updateName(name).setAttributes(more);
        if (isFailure) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  }

  /** Below the request that it is for: where several share a call, the one that began it. */
  function recordCall(name: string, { durationMs, status, reason }: EndedCall): void {
    const endTime = Date.now();
    const isFailure = status === undefined ? reason !== undefined : status >= 400;
    const span = tracer.startSpan(
      name,
      {
        kind: SpanKind.CLIENT,
        startTime: endTime - durationMs,
        attributes: {
          ...(status !== undefined && { 'http.response.status_code': status }),
          ...(isFailure && { 'error.type': status === undefined ? reason : String(status) }),
        },
      },
      contexts.getStore() ?? ROOT_CONTEXT,
    );
    if (isFailure) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  }
}

interface EndedCall {
  readonly durationMs: number;
  /** Of HTTP, where there was an answer. */
  readonly status?: number | undefined;
  /** Why there was none. */
  readonly reason?: string | undefined;
}

function toSampler({
  OTEL_TRACES_SAMPLER: name,
  OTEL_TRACES_SAMPLER_ARG: ratio,
}: Pick<TracingOptions, 'OTEL_TRACES_SAMPLER' | 'OTEL_TRACES_SAMPLER_ARG'>) {
  const own = name.endsWith('always_on')
    ? new AlwaysOnSampler()
    : name.endsWith('always_off')
      ? new AlwaysOffSampler()
      : new TraceIdRatioBasedSampler(ratio);
  return name.startsWith('parentbased_') ? new ParentBasedSampler({ root: own }) : own;
}
