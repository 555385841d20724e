"""A login that looks only at the user name, as OTX does, whose key it is."""
from opentaxii.auth.sqldb.api import SQLDatabaseAPI
from opentaxii.auth.sqldb.models import Account


class AnyPassword(SQLDatabaseAPI):
    def authenticate(self, username, password):
        account = self.db.session.query(Account).filter_by(username=username).one_or_none()
        return self._generate_token(account.id, ttl=self.token_ttl_secs) if account else None
