# One image for every service of docker-compose.yml: the whole of hpo, TensorFlow for the CPU or for NVIDIA GPUs
# (--build-arg VARIANT=gpu), and the data of its definitions. Builds with any builder: no BuildKit needed.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
ARG VARIANT=cpu
ENV PATH=/opt/hpo/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/hpo
WORKDIR /src

# Packages first, they change seldom: the locked versions, each checked against its hash. Headers, libclang and the tests
# of packages are for who compiles or tests them: half a gigabyte that no training reads.
COPY requirements-${VARIANT}.lock ./
RUN pip install --require-hashes -r "requirements-${VARIANT}.lock" \
 && packages=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
 && rm -rf "$packages/tensorflow/include" "$packages/clang" \
 && find "$packages/scipy" "$packages/numpy" -type d -name tests -prune -exec rm -rf {} +

COPY pyproject.toml README.md LICENSE ./
COPY hpo hpo
COPY studies studies
RUN pip install --no-deps --no-build-isolation .

# Fashion-MNIST as Debian ships it; hpo looks for it there, and checks every byte.
FROM debian:bookworm-slim AS data
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends dataset-fashion-mnist

FROM python:${PYTHON}-slim-bookworm
LABEL org.opencontainers.image.title="hpo" \
      org.opencontainers.image.description="Hyperparameter optimization for Keras models" \
      org.opencontainers.image.licenses="MIT"
# What it writes goes to /tmp, caches among it unless XDG_CACHE_HOME is /var/cache, and what the dashboard keeps to
# /var/lib/hpo: the rest may be read-only.
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin hpo \
 && install -d -o hpo -g hpo -m 700 /var/lib/hpo /var/lib/hpo/artifacts /var/cache/hpo
COPY --from=data /usr/share/datasets/fashion-mnist /usr/share/datasets/fashion-mnist
COPY --from=build /opt/hpo /opt/hpo
# The driver's own libraries and nvidia-smi are lent by the NVIDIA container toolkit, where a GPU is asked for.
ENV PATH=/opt/hpo/bin:$PATH LANG=C.UTF-8 PYTHONUNBUFFERED=1 NVIDIA_DRIVER_CAPABILITIES=compute,utility HOME=/tmp
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["hpo"]
CMD ["--help"]
