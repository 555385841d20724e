"""medallion (TAXII 2.1) with collections named as at OTX.

FIXTURES/stix2 holds one bundle a collection, named by the collection's id. A
FIXTURES that has make_stix2.py instead is asked for medallion's data file.
"""
import datetime
import glob
import json
import os
import subprocess
import sys

from medallion import application_instance, register_blueprints, set_config

from serve import configuration, serve

MEDIA = "application/%s+json;version=2.1"
FIRST = datetime.datetime(2024, 6, 1, 12, 0, 0)


def collection(name, objects, **more):
    """Objects come in threes of one time, and the times have six digits."""
    manifest = []
    for n, o in enumerate(objects):
        added = (FIRST + datetime.timedelta(seconds=n // 3, microseconds=n // 3)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        version = o.get("modified") or o.get("created")
        if not version:
            version = o["_date_added"] = added  # medallion's mark for an object without versions
        manifest.append({"id": o["id"], "date_added": added, "version": version, "media_type": MEDIA % "stix"})
    title = "Data feed for user: " + name[5:] if name.startswith("user_") else "Collection " + name
    return {**{"id": name, "title": title, "can_read": True, "can_write": False, "media_types": [MEDIA % "stix"],
               "objects": objects, "manifest": manifest}, **more}


def root(title, collections):
    return {"information": {"title": title, "versions": [MEDIA % "taxii"], "max_content_length": 10_000_000},
            "status": [], "collections": collections}


def contents(conf):
    collections = []
    for path in sorted(glob.glob(os.path.join(conf["fixtures"], "stix2", "*.json"))):
        with open(path, encoding="utf-8") as f:
            collections.append(collection(os.path.basename(path)[:-len(".json")], json.load(f)["objects"]))
    collections += [
        collection("user_demo", [], can_write=True),
        collection("00000000-0000-4000-8000-000000000009", [], can_read=False),
    ]
    return {
        "/discovery": {"title": "TAXII 2.1 on loopback", "default": conf["url"] + "/root/",
                       "api_roots": [conf["url"] + "/root/", conf["url"] + "/empty/"]},
        "root": root("All collections", collections),
        "empty": root("No collections", []),
    }


def write_data(conf, path):
    maker = os.path.join(conf["fixtures"], "make_stix2.py")
    if os.path.exists(maker):
        subprocess.run([sys.executable, "-W", "ignore", maker, path, conf["url"]], check=True)
        return
    with open(path, "w", encoding="utf-8") as f:
        json.dump(contents(conf), f)


def main():
    conf = configuration()
    data = os.path.join(conf["folder"], "data.json")
    write_data(conf, data)
    everything = {
        "users": {conf["user"]: conf["password"]},
        "taxii": {"max_page_size": conf["page_size"]},
        "backend": {"module": "medallion.backends.memory_backend", "module_class": "MemoryBackend",
                    "filename": data, "session_timeout": 300},
    }
    for name in everything:
        set_config(application_instance, name, everything)
    register_blueprints(application_instance)
    serve(application_instance, conf)


if __name__ == "__main__":
    main()
