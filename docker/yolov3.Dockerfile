# The YOLOv3 image runs on Batch with an NVIDIA GPU (ONNX Runtime, CUDA 13), on Batch without one (OpenVINO), and on
# Lambda for short videos and as a self-test. docs/images.md has sizes and reasons.
#   Batch: python -m batch_jobs.yolov3.job VIDEO     Lambda: python -m awslambdaric lambdas.yolov3.app.handler
# There is no ENTRYPOINT, because AWS Batch cannot override one.
# Docker's official image from Amazon's public gallery, which limits anonymous pulls less than docker.io. The digest decides
# what is pulled; `make base-images` writes the newest one of the tag
ARG BASE_IMAGE=public.ecr.aws/docker/library/python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

# ---------------------------------------------------------------- model: first, so that one that is missing costs nothing
FROM ${BASE_IMAGE} AS model
RUN python -m venv /opt/bare
# a name of `avflow models list`; the parameter Yolov3Model of the template sets it
ARG YOLOV3_MODEL=yolov3
COPY docker/bake_model.py /build/
COPY avflow/__init__.py avflow/errors.py avflow/filenames.py avflow/progress.py /build/avflow/
COPY avflow/models /build/avflow/models/
# files that the user has already, before any source is asked
COPY models /build/models/
RUN AVFLOW_MODELS=/opt/models PYTHONPATH=/build \
    /opt/bare/bin/python /build/bake_model.py Yolov3Model "$YOLOV3_MODEL"

# ---------------------------------------------------------------- libraries: rebuilt when the pins change
FROM ${BASE_IMAGE} AS libraries
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements/yolov3-image.txt /build/
RUN pip install --disable-pip-version-check --quiet --require-hashes --requirement /build/yolov3-image.txt \
 && pip check

# CUDA is a layer of its own, which is pulled in parallel and rarely changes; requirements/yolov3-gpu.in says which
FROM libraries AS engines
COPY requirements/yolov3-gpu.txt /build/
RUN pip install --disable-pip-version-check --quiet --require-hashes --no-compile --requirement /build/yolov3-gpu.txt \
 && pip check \
 && mv /opt/venv/lib/python3*/site-packages/nvidia /opt/nvidia
# removes what never runs: tests, headers, pip, the second build of NVRTC, and OpenVINO's plugins for Intel graphics
RUN rm -rf /opt/nvidia/*/include /opt/nvidia/*/lib/*.a /opt/nvidia/*/lib/*.alt.so* \
 && cd /opt/venv/lib/python3*/site-packages \
 && rm openvino/libs/libopenvino_intel_gpu_plugin.so openvino/libs/libopenvino_intel_npu_plugin.so openvino/libs/cache.json \
 && find . -type d -name tests -prune -exec rm -rf {} + \
 && pip uninstall --quiet --yes pip

# ---------------------------------------------------------------- networks: made anew when the converter changes
FROM libraries AS networks
ARG YOLOV3_MODEL=yolov3
COPY requirements/conversion-image.txt /build/
RUN pip install --disable-pip-version-check --quiet --require-hashes --requirement /build/conversion-image.txt
ENV AVFLOW_MODELS=/opt/models PYTHONPATH=/build
COPY --from=model /opt/models /opt/models
COPY avflow /build/avflow
COPY docker/convert_model.py /build/
# int8 is calibrated with frames of the sample; the parameter DetectorPrecision of the template sets the precision
ARG DETECTOR_PRECISION=fastest
COPY samples/my_video.mkv /build/
RUN python /build/convert_model.py "$YOLOV3_MODEL" "$DETECTOR_PRECISION" /build/my_video.mkv

# ---------------------------------------------------------------- code: rebuilt with every change
FROM ${BASE_IMAGE} AS code
COPY avflow /opt/av-workflow/avflow
COPY lambdas /opt/av-workflow/lambdas
COPY batch_jobs /opt/av-workflow/batch_jobs
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/av-workflow \
 && chmod -R u=rwX,go=rX /opt/av-workflow

# ---------------------------------------------------------------- image
FROM ${BASE_IMAGE}
ARG YOLOV3_MODEL=yolov3
# with which Merge draws subtitles into videos: most scripts, and Chinese, Japanese and Korean
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends fonts-noto-core fonts-droid-fallback >/dev/null \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
LABEL org.opencontainers.image.title="av-workflow yolov3" \
      org.opencontainers.image.description="YOLOv3 of av-workflow, for AWS Batch on NVIDIA GPUs and on CPUs" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later AND LicenseRef-NVIDIA-CUDA-EULA" \
      av-workflow.notice="/opt/av-workflow/NOTICE" \
      av-workflow.sbom="/opt/av-workflow/sbom.cdx.json" \
      av-workflow.models="${YOLOV3_MODEL}"
# Caches are below /tmp, because the rest of the file system is read-only.
# NVIDIA_* tells the NVIDIA container runtime what the container needs: all GPUs, CUDA, and the video decoder.
ENV PATH=/opt/venv/bin:$PATH \
    LD_LIBRARY_PATH=/opt/nvidia/cu13/lib:/opt/nvidia/cudnn/lib \
    PYTHONPATH=/opt/av-workflow \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,video,utility \
    AVFLOW_MODELS=/opt/models \
    YOLOV3_MODEL=${YOLOV3_MODEL}
COPY --from=engines /opt/nvidia /opt/nvidia
COPY --from=engines /opt/venv /opt/venv
COPY --from=networks /opt/models /opt/models
COPY --from=code /opt/av-workflow /opt/av-workflow
# no program runs as another user than the one that starts it
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +
WORKDIR /opt/av-workflow
# what the image consists of, in CycloneDX, and under which licences
COPY LICENSE NOTICE docker/sbom.py ./
RUN python sbom.py yolov3 avflow/models/models.toml "$YOLOV3_MODEL" sbom.cdx.json && rm sbom.py
# the empty volume that ECS mounts here takes over the mode of /tmp, so that an unprivileged user can write
VOLUME /tmp
USER 10001:10001
