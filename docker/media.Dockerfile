# The media image runs FFmpeg, audio2srt and merge on Lambda, and the first two on Batch, too. docs/images.md has sizes and reasons.
#   Lambda: python -m awslambdaric lambdas.<step>.app.handler     Batch: python -m batch_jobs.<step>.job VIDEO
# There is no ENTRYPOINT, because AWS Batch cannot override one.
# Docker's official image from Amazon's public gallery, which limits anonymous pulls less than docker.io. The digest decides
# what is pulled; `make base-images` writes the newest one of the tag
ARG BASE_IMAGE=public.ecr.aws/docker/library/python:3.13-slim-trixie@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

# ---------------------------------------------------------------- model: first, so that one that is missing costs nothing
FROM ${BASE_IMAGE} AS model
RUN python -m venv /opt/bare
# a name of `avflow models list`; the parameter SpeechModel of the template sets it
ARG SPEECH_MODEL=whisper-small
COPY docker/bake_model.py /build/
COPY avflow/__init__.py avflow/errors.py avflow/filenames.py avflow/progress.py /build/avflow/
COPY avflow/models /build/avflow/models/
# files that the user has already, before any source is asked
COPY models /build/models/
RUN AVFLOW_MODELS=/opt/models PYTHONPATH=/build \
    /opt/bare/bin/python /build/bake_model.py SpeechModel "$SPEECH_MODEL"

# ---------------------------------------------------------------- libraries: rebuilt when the pins change
FROM ${BASE_IMAGE} AS libraries
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY requirements/media-image.txt /build/
RUN pip install --disable-pip-version-check --quiet --require-hashes --requirement /build/media-image.txt \
 && pip check

# removes what never runs: debug symbols (74 MB of CTranslate2), tests, the second copy of a speech model, downloaders
FROM libraries AS slim
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends binutils >/dev/null
RUN cd /opt/venv/lib/python3*/site-packages \
 && strip --strip-unneeded ctranslate2/*.so ctranslate2.libs/*.so* \
 && pip uninstall --quiet --yes hf-xet pip \
 && rm -rf pocketsphinx/model \
 && find . -type d -name tests -prune -exec rm -rf {} +

# ---------------------------------------------------------------- code: rebuilt with every change
FROM ${BASE_IMAGE} AS code
COPY avflow /opt/av-workflow/avflow
COPY lambdas /opt/av-workflow/lambdas
COPY batch_jobs /opt/av-workflow/batch_jobs
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/av-workflow \
 && chmod -R u=rwX,go=rX /opt/av-workflow

# ---------------------------------------------------------------- image
FROM ${BASE_IMAGE}
ARG SPEECH_MODEL=whisper-small
LABEL org.opencontainers.image.title="av-workflow media" \
      org.opencontainers.image.description="FFmpeg, audio2srt and merge of av-workflow, for AWS Lambda and AWS Batch" \
      org.opencontainers.image.licenses="Apache-2.0 AND GPL-3.0-or-later" \
      av-workflow.notice="/opt/av-workflow/NOTICE" \
      av-workflow.sbom="/opt/av-workflow/sbom.cdx.json" \
      av-workflow.models="${SPEECH_MODEL}"
# Caches are below /tmp, because the rest of the file system is read-only.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/av-workflow \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    AVFLOW_MODELS=/opt/models \
    SPEECH_MODEL=${SPEECH_MODEL}
COPY --from=slim /opt/venv /opt/venv
COPY --from=model /opt/models /opt/models
COPY --from=code /opt/av-workflow /opt/av-workflow
# no program runs as another user than the one that starts it
RUN find / -xdev -type f -perm /6000 -exec chmod a-s {} +
WORKDIR /opt/av-workflow
# what the image consists of, in CycloneDX, and under which licences
COPY LICENSE NOTICE docker/sbom.py ./
RUN python sbom.py media avflow/models/models.toml "$SPEECH_MODEL" sbom.cdx.json && rm sbom.py
# the empty volume that ECS mounts here takes over the mode of /tmp, so that an unprivileged user can write
VOLUME /tmp
USER 10001:10001
