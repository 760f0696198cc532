"""COCO's files and their evaluation by pycocotools."""

import contextlib
import functools
import io
import json
import tempfile

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import server

PICTURES, OBJECTS, DETECTIONS = 5_000, 7, 36

# Of the file that is parsed: annotations, how many a picture has, and points of an outline.
ANNOTATIONS, EACH, POINTS = 100_000, 7, 20


def evaluation():
    """Of 5,000 pictures of 640 by 480: 7 objects of 80 categories in each, and 36 detections, of which every second is near an object.

    The files have been read and indexed; what is measured goes from there to the table.
    """
    rng = np.random.default_rng(0)
    annotations, results = [], []
    for picture in range(PICTURES):
        sides = 8 + 192 * rng.random((DETECTIONS, 2)) ** 2
        boxes = np.concatenate([rng.random((DETECTIONS, 2)) * ([640, 480] - sides), sides], 1)
        categories = rng.integers(80, size=DETECTIONS)
        for bbox, category in zip(boxes[:OBJECTS].tolist(), categories[:OBJECTS].tolist()):
            known = {"id": len(annotations) + 1, "image_id": picture, "category_id": category}
            annotations.append({**known, "bbox": bbox, "area": bbox[2] * bbox[3], "iscrowd": 0})
        near = np.arange(0, DETECTIONS, 2)
        boxes[near], categories[near] = boxes[near // 2 % OBJECTS], categories[near // 2 % OBJECTS]
        boxes += (rng.random((DETECTIONS, 4)) - 0.5) * 0.3 * np.tile(boxes[:, 2:], 2)
        for bbox, category, score in zip(boxes.tolist(), categories.tolist(), rng.random(DETECTIONS).tolist()):
            results.append({"image_id": picture, "category_id": category, "bbox": bbox, "score": score})

    known = COCO()
    known.dataset = {
        "images": [{"id": picture, "width": 640, "height": 480} for picture in range(PICTURES)],
        "categories": [{"id": category} for category in range(80)],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        known.createIndex()
        found = known.loadRes(results)

    def work():
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation = COCOeval(known, found, "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()

    return work


def parsing():
    """A file as COCO's own look: objects of 80 categories with their outlines, positions to hundredths of a pixel."""
    rng = np.random.default_rng(0)
    angles = np.arange(POINTS) * (2 * np.pi / POINTS)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    annotations = []
    for i in range(ANNOTATIONS):
        centre, radius = rng.uniform([100, 100], [540, 380]), rng.uniform(4, 90)
        outline = np.round(centre + radius * circle * rng.uniform(0.6, 1, (POINTS, 1)), 2)
        least, most = outline.min(0), outline.max(0)
        bbox = np.round([*least, *(most - least)], 2).tolist()
        known = {"segmentation": [outline.ravel().tolist()], "area": round(float(radius**2), 2), "iscrowd": 0}
        place = {"image_id": i // EACH, "bbox": bbox, "category_id": int(rng.integers(80)), "id": i + 1}
        annotations.append(known | place)
    pictures = range(-(-ANNOTATIONS // EACH))
    file = tempfile.NamedTemporaryFile("w", suffix=".json")
    known = {
        "images": [{"file_name": f"{i:012}.jpg", "height": 480, "width": 640, "id": i} for i in pictures],
        "annotations": annotations,
        "categories": [{"supercategory": "thing", "id": i, "name": f"class {i}"} for i in range(80)],
    }
    json.dump(known, file)
    file.flush()
    return functools.partial(parse, file)


def parse(file):
    with contextlib.redirect_stdout(io.StringIO()):
        assert len(COCO(file.name).anns) == ANNOTATIONS


if __name__ == "__main__":
    server.main({"coco_eval_5000x36": evaluation, "coco_parse": parsing})
