ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

# Compiler for Verilator's models and the HLS code; libraries that the wheels of Yosys and PyTorch load.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ make libgomp1 libffi8 libtcl8.6 libreadline8 zlib1g git \
    && rm -rf /var/lib/apt/lists/*

ARG PIP_ARGS=
WORKDIR /a2qflow
COPY requirements.txt requirements-nodeps.txt ./
RUN python -m pip install --no-cache-dir ${PIP_ARGS} torch==2.13.0 \
    && python -m pip install --no-cache-dir ${PIP_ARGS} -r requirements.txt \
    && python -m pip install --no-cache-dir ${PIP_ARGS} --no-deps -r requirements-nodeps.txt

COPY . .
ENV A2QFLOW_IMAGE=1 PYTHONUNBUFFERED=1
ENTRYPOINT ["python", "/a2qflow/build.py"]
