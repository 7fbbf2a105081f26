# syntax=docker/dockerfile:1
# One image for coordinator and clients: "docker build -t fedstrata . && docker run --rm fedstrata --help".

FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# The scripts of dependencies are not needed; our own "prepare" would build before the sources are here.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY clients ./clients
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/clients ./dist/clients
COPY --from=build /app/dist/programs ./dist/programs
COPY package.json ./
COPY prisma ./prisma
COPY examples ./examples
# Models, and the database when it is SQLite; a volume mounted here belongs to the user below.
RUN mkdir /data && chown node:node /data
ENV FEDSTRATA_DATA_DIR=/data
USER node
EXPOSE 8080
# For a coordinator; docker-compose.yml switches it off for clients, which listen nowhere.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/src/cli/main.js"]
# Off loopback it refuses to start without FEDSTRATA_TOKEN.
CMD ["serve", "--host", "0.0.0.0"]
