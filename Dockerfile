# udsd for CPUs, with the bundled models, run by a user without rights.
#
#   docker build -t udsd .
#   docker run --rm --network none --user "$(id -u):$(id -g)" -v "$PWD:/data" udsd deblur scan.png
FROM python:3.13-slim AS build

WORKDIR /source
COPY . .
# The tested set, but OpenCV without windows, which needs no libGL; torch from the index that has it without CUDA.
# The requirement is changed too, so that pip does not bring both. Bytecode is made here, since the user of the image can
# write none: without it every run spends two more seconds of a processor.
RUN sed -i 's/^opencv-python==/opencv-python-headless==/' constraints.txt \
    && sed -i 's/"opencv-python>=/"opencv-python-headless>=/' pyproject.toml \
    && python -m venv /opt/udsd \
    && PIP_CONSTRAINT=/source/constraints.txt PIP_BUILD_CONSTRAINT=/source/constraints.txt \
       /opt/udsd/bin/python -m pip install --no-cache-dir \
       --extra-index-url https://download.pytorch.org/whl/cpu . \
    && /opt/udsd/bin/python -m pip check

FROM python:3.13-slim

COPY --from=build /opt/udsd /opt/udsd
ENV PATH=/opt/udsd/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/tmp/huggingface
RUN useradd --create-home --uid 1000 udsd
USER 1000
WORKDIR /data
ENTRYPOINT ["udsd"]
CMD ["--help"]
