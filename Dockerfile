# The built book on port 8000 and JupyterLab on port 8888:
#   docker build -t colorization-lab .
#   docker run --rm -p 8000:8000 -p 8888:8888 -e JUPYTER_TOKEN=secret colorization-lab
FROM python:3.11-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home reader \
    && install -d -o reader /home/reader/lab
USER reader
WORKDIR /home/reader/lab
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PIP_NO_CACHE_DIR=1
COPY --chown=reader . .
RUN make book && .venv/bin/python book/_tools/live.py out/live
EXPOSE 8000 8888
CMD ["sh", "-c", ".venv/bin/python -m http.server -d _build/html 8000 & exec make live LAB_FLAGS='--ip=0.0.0.0 --no-browser'"]
