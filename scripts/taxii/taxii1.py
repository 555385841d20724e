"""OpenTAXII (TAXII 1.1) with paths and collections named as at OTX.

The packages of FIXTURES/stix1 are in the collection user_AlienVault, those of
a folder of it in the collection that the folder names. A content block's label
is the Produced_Time of its package, its binding is of the package's version.
"""
import datetime
import glob
import os
import re

from opentaxii.config import ServerConfig
from opentaxii.entities import Account
from opentaxii.local import context
from opentaxii.middleware import create_app
from opentaxii.server import TAXIIServer
from opentaxii.taxii.entities import ContentBindingEntity, ContentBlockEntity
from opentaxii.utils import configure_logging, sync_conf_dict_into_db

from serve import configuration, serve

SQL = "opentaxii.%s.sqldb.SQLDatabaseAPI"


def settings(conf):
    def database(name):
        path = os.path.join(conf["folder"], name)
        if os.path.exists(path):
            os.unlink(path)
        return {"db_connection": "sqlite:///" + path, "create_tables": True}

    return {
        "domain": conf["url"].split("//")[1],
        "support_basic_auth": True,
        "auth_api": {"class": "anypassword.AnyPassword" if conf["any_password"] else SQL % "auth",
                     "parameters": dict(database("auth.db"), secret="signs the tokens of the tests, and nothing else", token_ttl_secs=3600)},
        "taxii1": {"save_raw_inbox_messages": False, "count_blocks_in_poll_responses": conf["count"],
                   "persistence_api": {"class": SQL % "persistence", "parameters": database("data.db")}},
        "taxii2": None,
    }


def service(path, kind, **more):
    return dict(id=path, type=kind, address="/taxii/" + path, description="The %s service" % path, authentication_required=True,
                protocol_bindings=["urn:taxii.mitre.org:protocol:http:1.0"], **more)


def collection(name, **more):
    described = {"description": "Data feed for user: " + name.split("_", 1)[-1]}
    return dict(name=name, **{**dict(type="DATA_FEED", available=True, accept_all_content=True,
                                     service_ids=["collections", "poll", "inbox"]), **described, **more})


def contents(conf):
    return {
        "services": [
            service("discovery", "discovery", advertised_services=["discovery", "collections", "poll", "inbox"]),
            service("collections", "collection_management"),
            service("poll", "poll", subscription_required=False, max_result_size=conf["page_size"], max_result_count=1000),
            service("inbox", "inbox", destination_collection_required=True, accept_all_content=True),
        ],
        "collections": [
            collection("user_AlienVault"),
            collection("user_demo"),  # empty
            collection("user_offline", available=False),
            collection("user_111only", accept_all_content=False, supported_content=["urn:stix.mitre.org:xml:1.1.1"]),
            collection("user_broken"),  # a package among others that is no XML
            collection("set_demo", type="DATA_SET", description="A data set"),
        ],
        "accounts": [{"username": conf["user"], "password": conf["password"], "is_admin": True}],
    }


def block(path):
    with open(path, "rb") as f:
        content = f.read()
    said = re.search(rb"Produced_Time[^>]*>([^<]+)<", content) or re.search(rb'timestamp="([^"]+)"', content)
    label = datetime.datetime.fromisoformat(said[1].decode().replace("Z", "+00:00"))
    version = re.search(rb'STIX_Package\s[^>]*\bversion="([^"]+)"', content)[1].decode()
    return ContentBlockEntity(
        id=None, content=content, content_binding=ContentBindingEntity(binding="urn:stix.mitre.org:xml:" + version, subtypes=None),
        timestamp_label=label if label.tzinfo else label.replace(tzinfo=datetime.timezone.utc))


def fill(server, conf):
    context.account = Account(id=None, username="setup", permissions=None, is_admin=True)
    context.server = server
    sync_conf_dict_into_db(server, contents(conf))
    store = server.servers.taxii1.persistence.api
    top = os.path.join(conf["fixtures"], "stix1")
    for path in sorted(glob.glob(os.path.join(top, "*.xml")) + glob.glob(os.path.join(top, "*", "*.xml"))):
        folder = os.path.dirname(path)
        name = "user_AlienVault" if folder == top else os.path.basename(folder)
        store.create_content_block(block(path), [store.get_collection(name).id], "inbox")


def main():
    conf = configuration()
    config = ServerConfig(extra_configs=[settings(conf)])
    configure_logging(config["logging"], plain=True)
    server = TAXIIServer(config)
    app = create_app(server)
    with app.app_context():
        fill(server, conf)
    serve(app, conf)


if __name__ == "__main__":
    main()
