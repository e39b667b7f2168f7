# Better Auth with the Todo page of demo/: the issuer of compose.yaml. Not for production.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE}
WORKDIR /demo
COPY demo/package.json demo/package-lock.json demo/.npmrc ./
RUN npm ci
COPY demo .
ENV HOST=0.0.0.0 \
    PORT=3000
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/api/auth/ok`).then((answer) => process.exit(answer.ok ? 0 : 1))"]
CMD ["node", "--disable-warning=ExperimentalWarning", "server.mjs"]
