"""Secrets of many kinds, and harmless names and values that resemble them.

No secret in this file was ever used. Each is drawn from a generator that is seeded with its kind,
and is assembled when the tests run, so that scanners find no secret in this file.
"""

from __future__ import annotations

import base64
import random
import string
import urllib.parse

ALNUM = string.ascii_letters + string.digits
UPPER = string.ascii_uppercase + string.digits
LOWER = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"
URLSAFE = ALNUM + "-_"


class Drawn:
    """Draws texts that are the same each time."""

    def __init__(self, kind):
        self.random = random.Random(f"fake {kind}")

    def __call__(self, length, alphabet=ALNUM):
        return "".join(self.random.choice(alphabet) for _ in range(length))

    def password(self):
        """As people make them: a word with digits and capitals in it."""
        return "".join((self(3, string.ascii_lowercase), self(2, string.digits), self(3, string.ascii_uppercase), self(2, string.digits)))  # fmt: skip


# Issuer and kind: the parts of the prefix, then what is drawn, as (length, alphabet) or a text.
ISSUED = {
    "AWS access key": ("AK", "IA", (16, UPPER)),
    "AWS temporary key": ("AS", "IA", (16, UPPER)),
    "AWS bearer key": ("AB", "IA", (16, UPPER)),
    "AWS Bedrock": ("AB", "SK", (110, ALNUM)),
    "Alibaba": ("LT", "AI", (20, ALNUM)),
    "Tencent": ("AK", "ID", (32, ALNUM)),
    "Google API key": ("AI", "za", (35, URLSAFE)),
    "Google OAuth": ("ya", "29.", (60, URLSAFE)),
    "Google client secret": ("GOC", "SPX-", (28, URLSAFE)),
    "GitHub classic": ("gh", "p_", (36, ALNUM)),
    "GitHub OAuth": ("gh", "o_", (36, ALNUM)),
    "GitHub app user": ("gh", "u_", (36, ALNUM)),
    "GitHub app server": ("gh", "s_", (36, ALNUM)),
    "GitHub refresh": ("gh", "r_", (36, ALNUM)),
    "GitHub fine-grained": ("github", "_pat_", (22, ALNUM), "_", (59, ALNUM)),
    "GitLab personal": ("gl", "pat-", (20, URLSAFE)),
    "GitLab deploy": ("gl", "dt-", (20, URLSAFE)),
    "GitLab runner": ("gl", "rt-", (20, URLSAFE)),
    "GitLab CI job": ("gl", "cbt-", "64_", (20, URLSAFE)),
    "GitLab trigger": ("gl", "ptt-", (40, HEX)),
    "Hugging Face": ("h", "f_", (34, string.ascii_letters)),
    "Hugging Face organization": ("api", "_org_", (34, string.ascii_letters)),
    "npm": ("np", "m_", (36, ALNUM)),
    "PyPI": ("py", "pi-", (120, URLSAFE)),
    "Docker": ("dckr", "_pat_", (27, URLSAFE)),
    "RubyGems": ("ruby", "gems_", (48, HEX)),
    "Clojars": ("CLO", "JARS_", (60, LOWER)),
    "Stripe secret": ("sk", "_live_", (24, ALNUM)),
    "Stripe test": ("sk", "_test_", (24, ALNUM)),
    "Stripe restricted": ("rk", "_live_", (24, ALNUM)),
    "Stripe webhook": ("wh", "sec_", (32, ALNUM)),
    "OpenAI": ("s", "k-", (48, ALNUM)),
    "OpenAI project": ("s", "k-proj-", (80, URLSAFE)),
    "OpenAI service": ("s", "k-svcacct-", (60, URLSAFE)),
    "Anthropic": ("s", "k-ant-api03-", (93, URLSAFE)),
    "OpenRouter": ("s", "k-or-v1-", (64, HEX)),
    "Groq": ("gs", "k_", (52, ALNUM)),
    "xAI": ("xa", "i-", (80, ALNUM)),
    "Perplexity": ("pp", "lx-", (48, ALNUM)),
    "Replicate": ("r", "8_", (37, ALNUM)),
    "LangSmith": ("lsv2", "_pt_", (32, HEX), "_", (10, HEX)),
    "Pinecone": ("pc", "sk_", (60, ALNUM)),
    "NVIDIA": ("nv", "api-", (64, URLSAFE)),
    "Tavily": ("tv", "ly-", (32, ALNUM)),
    "Slack bot": ("xo", "xb-", (12, string.digits), "-", (12, string.digits), "-", (24, ALNUM)),
    "Slack user": ("xo", "xp-", (12, string.digits), "-", (24, ALNUM)),
    "Slack app": ("xa", "pp-1-", (11, UPPER), "-", (13, string.digits), "-", (64, HEX)),
    "Discord bot": ("M", "T", (22, ALNUM), ".", (6, ALNUM), ".", (38, ALNUM)),
    "Telegram bot": ("710", "2983", (3, string.digits), ":", "AA", (33, ALNUM)),
    "Twilio key": ("S", "K", (32, HEX)),
    "Mailgun": ("ke", "y-", (32, HEX)),
    "Mailchimp": ((32, HEX), "-", "us", "14"),
    "SendGrid": ("S", "G.", (22, URLSAFE), ".", (43, URLSAFE)),
    "Brevo": ("xkey", "sib-", (64, HEX), "-", (16, ALNUM)),
    "Square": ("sq0", "atp-", (22, URLSAFE)),
    "Square secret": ("sq0", "csp-", (43, URLSAFE)),
    "Shopify access": ("shp", "at_", (32, HEX)),
    "Shopify shared": ("shp", "ss_", (32, HEX)),
    "Shippo": ("ship", "po_live_", (40, HEX)),
    "EasyPost": ("EZ", "AK", (54, ALNUM)),
    "Duffel": ("duffel", "_live_", (43, URLSAFE)),
    "DigitalOcean": ("dop", "_v1_", (64, HEX)),
    "DigitalOcean OAuth": ("doo", "_v1_", (64, HEX)),
    "Heroku": ("HR", "KU-", "AA", (58, URLSAFE)),
    "Netlify": ("nf", "p_", (36, ALNUM)),
    "Supabase": ("sb", "p_", (40, HEX)),
    "PlanetScale": ("pscale", "_tkn_", (43, URLSAFE)),
    "Fly": ("fm", "2_", (120, ALNUM)),
    "Databricks": ("da", "pi", (32, HEX)),
    "Vault": ("hv", "s.", (90, ALNUM)),
    "Doppler": ("dp", ".pt.", (43, ALNUM)),
    "Pulumi": ("pu", "l-", (40, HEX)),
    "Prefect": ("pn", "u_", (36, ALNUM)),
    "Infracost": ("ic", "o-", (32, ALNUM)),
    "Octopus": ("AP", "I-", (26, UPPER)),
    "OpenShift": ("sha", "256~", (43, URLSAFE)),
    "Terraform Cloud": ((14, ALNUM), ".at", "lasv1.", (67, URLSAFE)),
    "Entra ID": ((3, ALNUM), "8", "Q~", (34, ALNUM)),
    "Grafana cloud": ("gl", "c_", (60, ALNUM)),
    "Grafana service": ("gl", "sa_", (32, ALNUM), "_", (8, HEX)),
    "New Relic": ("NR", "AK-", (27, UPPER)),
    "Sentry user": ("sntr", "yu_", (64, HEX)),
    "Dynatrace": ("dt0", "c01.", (24, UPPER), ".", (64, UPPER)),
    "SonarQube": ("sq", "p_", (40, HEX)),
    "Adafruit": ("ai", "o_", (28, ALNUM)),
    "ReadMe": ("rd", "me_", (70, LOWER)),
    "Linear": ("lin", "_api_", (40, ALNUM)),
    "Notion": ("nt", "n_", (11, string.digits), (35, ALNUM)),
    "Figma": ("fig", "d_", (40, URLSAFE)),
    "Dropbox": ("s", "l.", (130, URLSAFE)),
    "Contentful": ("CF", "PAT-", (43, URLSAFE)),
    "Atlassian": ("AT", "ATT3", (180, URLSAFE)),
    "Bitbucket": ("AT", "BB", (32, ALNUM)),
    "Postman": ("PM", "AK-", (24, HEX), "-", (34, HEX)),
    "CircleCI": ("CCI", "PAT_", (22, ALNUM), "_", (40, HEX)),
    "Buildkite": ("bk", "ua_", (40, HEX)),
    "JFrog": ("AK", "Cp", (69, ALNUM)),
    "Tailscale": ("ts", "key-auth-", (17, ALNUM), "-", (32, ALNUM)),
    "1Password": ("A", "3-", (6, UPPER), "-", (11, UPPER), "-", (5, UPPER), "-", (5, UPPER), "-", (5, UPPER)),
    "Airtable": ("pa", "t", (14, ALNUM), ".", (64, HEX)),
    "Harness": ("pa", "t.", (22, ALNUM), ".", (24, ALNUM), ".", (20, ALNUM)),
    "MaxMind": ((6, ALNUM), "_", (29, ALNUM), "_m", "mk"),
    "Plaid": ("access", "-production-", (8, HEX), "-", (4, HEX), "-", (4, HEX), "-", (4, HEX), "-", (12, HEX)),
    "age": ("AGE-SEC", "RET-KEY-1", (58, UPPER)),
    "extended private key": ("xp", "rv", (107, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")),
    "JSON Web Token": ("ey", "J", (30, URLSAFE), ".", "eyJ", (60, URLSAFE), ".", (43, URLSAFE)),
    "JSON Web Token, unsigned": ("ey", "J", (30, URLSAFE), ".", "eyJ", (60, URLSAFE), "."),
    "Mapbox": ("sk", ".ey", "J", (60, URLSAFE), ".", (22, URLSAFE)),
    "Kaggle": ("KG", "AT_", (32, HEX)),
    "Overleaf": ("ol", "p_", (36, ALNUM)),
    "Weights and Biases": ("wandb", "_v1_", (40, ALNUM)),
    "crypt": ("$6", "$", (8, ALNUM), "$", (86, ALNUM + "./")),
    "bcrypt": ("$2", "b$12$", (53, ALNUM + "./")),
    "apr1": ("$ap", "r1$", (8, ALNUM), "$", (22, ALNUM + "./")),
    "argon2": ("$argon", "2id$v=19$m=65536,t=3,p=4$", (22, ALNUM), "$", (43, ALNUM)),
    "Django hash": ("pbk", "df2_sha256$600000$", (22, ALNUM), "$", (43, ALNUM)),
    "LDAP hash": ("{SS", "HA}", (32, ALNUM)),
}  # fmt: skip


def issued(kind):
    """Return a text of that kind, and the longest part of it that was drawn."""
    drawn = Drawn(kind)
    parts = [part if isinstance(part, str) else drawn(*part) for part in ISSUED[kind]]
    longest = max((p for p, made in zip(parts, ISSUED[kind]) if not isinstance(made, str)), key=len)
    return "".join(parts), longest


# Names whose value is a secret, whatever it is.
NAMES = """
    password Password PASSWORD passwd db_password dbPassword db.password password2 PGPASSWORD
    MYSQL_ROOT_PASSWORD userPassword user_passwd passphrase passcode ssh_passphrase old_password
    password_confirm new-password x_password smtp_pass db_pass user_pass FTP_PASS
    secret client_secret clientSecret CLIENT_SECRET SECRET_KEY secretKey app_secret shared_secret
    SECRET_KEY_BASE consumer_secret webhook_secret django_secret_key jwt_secret hmac_secret
    token access_token accessToken AUTH_TOKEN refresh_token id_token githubToken X-Auth-Token
    bot_token csrf_token personal_access_token HF_TOKEN ads_token API_TOKEN bearer_token
    session_token vault_token oauth_token token_secret
    api_key apiKey API_KEY apikey X-Api-Key api-key x-apikey apikey_v2 app_key
    AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID access_key accessKey storage_account_key account_key
    private_key privateKey ssh_private_key PRIVATE_KEY encryption_key signing_key master_key
    session_key license_key ssh_key host_key deploy_key consumer_key subscription_key gpg_key
    hmac_key key_data client_key_data key-data service_account_key recovery_key wallet_key
    credential credentials user_credentials db_credentials
    auth basic_auth http_auth authorization Authorization proxy_authorization oauth
    cookie cookies Cookie set_cookie session_cookie JSESSIONID PHPSESSID connect.sid
    jwt bearer passkey security_code verification_code auth_code recovery_code backup_codes
    mfa_code access_code activation_code seed_phrase recovery_phrase security_answer
    wpa_psk pre_shared_key presharedKey userpwd userpass totp_seed otp_secret
    passwort Passwort kennwort zugangsdaten geheimnis datenbank_passwort
    mot_de_passe motdepasse mdp MotDePasse cle_api cle_secrete clé_privée
    contraseña contrasena CONTRASEÑA clave_secreta clave_api senha senha_do_banco
    chave_secreta parola_chiave_segreta wachtwoord lösenord passord adgangskode salasana hasło
    heslo jelszó şifre geslo lozinka пароль ПАРОЛЬ_БД 密码 数据库密码_密码 パスワード 비밀번호
""".split()

# Names whose value decides, with a value that makes it a secret.
ASKING = {
    "pass": "password", "pw": "password", "pwd": "password", "PWD": "password", "user_pw": "password",
    "db_pwd": "password", "admin_pw": "password", "rootpw": "password",
    "pin": "4-digit", "card_pin": "4-digit", "PIN": "4-digit", "otp": "6-digit", "otp_code": "6-digit",
    "totp": "6-digit",
    "session_id": "session", "sessionid": "session", "sid": "session", "SESSION": "session",
    "signature": "signature", "sig": "signature", "hmac": "signature", "x_signature": "signature",
    "mnemonic": "words", "wallet_mnemonic": "words", "seed": "words",
    "dsn": "dsn", "database_url": "dsn", "connection_string": "connection", "conn_str": "connection",
    "DATABASE_URL": "dsn", "netrc": "netrc", "key": "drawn", "tokens": "drawn", "salt": "drawn",
    "nonce": "drawn", "ticket": "drawn", "secret_id": "drawn", "psk": "drawn",
}  # fmt: skip
WORDS = "abandon ability able about above absent absorb abstract absurd abuse access acid".split()


def asked(name):
    """Return a value that is a secret under the name, and the part that must not be found."""
    drawn = Drawn(f"asked {name}")
    password = drawn.password()
    match ASKING[name]:
        case "password":
            return password, password
        case "4-digit":
            digits = str(drawn.random.randint(1001, 9998))
            return digits, None
        case "6-digit":
            return str(drawn.random.randint(100_001, 999_998)), None
        case "session":
            text = drawn(32, LOWER)
        case "signature":
            text = drawn(64, HEX)
        case "words":
            drawn.random.shuffle(words := WORDS[:])
            text = " ".join(words)
        case "dsn":
            return f"oracle+cx://reader:{password}@db.example:1521/obs", password
        case "connection":
            return f"Server=db.example;Database=obs;UID=reader;PWD={password};", password
        case "netrc":
            return f"machine db.example login reader password {password}", password
        case "drawn":
            text = drawn(40)
    return text, text


# Texts as programs, headers, files and shells have them; {s} is the secret.
TEXTS = {
    "Cookie header": "Cookie: sessionid={s}; theme=dark",
    "Set-Cookie header": "Set-Cookie: sid={s}; Path=/; HttpOnly",
    "cookies, second": "Cookie: theme=dark; auth={s}",
    "Bearer header": "Authorization: Bearer {s}",
    "Basic header": "Authorization: Basic {s}",
    "Token header": "Authorization: Token {s}",
    "ApiKey header": "Authorization: ApiKey {s}",
    "plain Authorization": "Authorization: {s}",
    "Proxy-Authorization": "Proxy-Authorization: Basic {s}",
    "header of AWS": "Authorization: AWS4-HMAC-SHA256 Credential=AKXX/2026/eu/s3/aws4_request, SignedHeaders=host, Signature={s}",
    "Digest header": 'Authorization: Digest username="maria", realm="obs", response="{s}"',
    "X-Api-Key header": "X-Api-Key: {s}",
    "X-Vault-Token header": "X-Vault-Token: {s}",
    "Private-Token header": "PRIVATE-TOKEN: {s}",
    "header in JSON": '{{"headers": {{"Authorization": "Bearer {s}", "Accept": "text/csv"}}}}',
    "headers in Python": "{{'Cookie': 'sid={s}', 'Accept': 'text/csv'}}",
    "ODBC string": "Driver={{ODBC Driver 18}};Server=db.example;Database=obs;UID=reader;PWD={s};Encrypt=yes",
    "ADO string": "Server=db.example;User Id=reader;Password={s};",
    "libpq string": "host=db.example dbname=obs user=reader password={s} sslmode=require",
    "libpq, quoted": "host=db.example user=reader password='{s}'",
    "JDBC": "jdbc:postgresql://db.example/obs?user=reader&password={s}",
    "JDBC SQL Server": "jdbc:sqlserver://db.example:1433;databaseName=obs;user=reader;password={s};encrypt=true",
    "JDBC Oracle": "jdbc:oracle:thin:reader/{s}@db.example:1521:obs",
    "Azure storage": "DefaultEndpointsProtocol=https;AccountName=obs;AccountKey={s}==;EndpointSuffix=core.windows.net",
    "Azure Service Bus": "Endpoint=sb://obs.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={s}=",
    "Azure SAS": "https://obs.blob.core.windows.net/dl3/run.fits?sv=2024-11-04&se=2026-12-01&sr=b&sp=r&sig={s}%3D",
    "AWS presigned": "https://obs.s3.amazonaws.com/run.fits?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261129T000000Z&X-Amz-Signature={s}",
    "AWS security token": "https://obs.s3.amazonaws.com/run.fits?X-Amz-Security-Token={s}&X-Amz-Expires=60",
    "AWS presigned, version 2": "https://obs.s3.amazonaws.com/run.fits?AWSAccessKeyId=X&Expires=1800000000&Signature={s}",
    "GCS signed": "https://storage.googleapis.com/obs/run.fits?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature={s}",
    "CloudFront": "https://d1.cloudfront.net/run.fits?Expires=1800000000&Signature={s}&Key-Pair-Id=K2X",
    "Akamai": "https://media.example/run.m3u8?hdnea=exp=1800000000~hmac={s}",
    "CAS ticket": "https://cas.example/validate?service=obs&ticket=ST-{s}",
    "OAuth code": "https://app.example/callback?state=abc&code={s}",
    "access token in a fragment": "https://app.example/callback#access_token={s}&expires_in=3600",
    "session in a path": "https://archive.example/list;jsessionid={s}?night=5",
    "URL password": "postgresql://reader:{s}@db.example/obs",
    "URL password, no user": "redis://:{s}@cache.example:6379/0",
    "URL password, sftp": "sftp://reader:{s}@archive.example/night5/run.fits",
    "URL token": "https://{s}@git.example/obs/repo.git",
    "URL user and token": "https://oauth2:{s}@git.example/obs/repo.git",
    "URL key": "https://api.example/v1/cone?api_key={s}&ra=83.63",
    "MongoDB": "mongodb+srv://reader:{s}@cluster0.example.net/obs?retryWrites=true",
    "AMQP": "amqps://reader:{s}@queue.example:5671/%2F",
    "Sentry DSN": "https://{s}@o1.ingest.sentry.io/42",
    "DSN, URL-encoded": "https://app.example/go?to=postgresql%3A%2F%2Freader%3A{s}%40db.example%2Fobs",
    "query, URL-encoded": "https://app.example/go?to=https%3A%2F%2Fapi.example%2Fv1%3Ftoken%3D{s}%26night%3D5",
    "Slack web hook": "https://hooks.slack.com/services/T00000000/B00000000/{s}",
    "Discord web hook": "https://discord.com/api/webhooks/123456789012345678/{s}",
    "Telegram URL": "https://api.telegram.org/bot123456789:{s}/sendMessage",
    "netrc": "machine archive.example login reader password {s}",
    "netrc of several lines": "machine archive.example\n  login reader\n  password {s}\n",
    "netrc account": "machine archive.example login reader account {s} password {s}",
    "kubeconfig token": "users:\n- name: reader\n  user:\n    token: {s}\n",
    "kubeconfig key": "users:\n- name: reader\n  user:\n    client-key-data: {s}\n",
    "Docker config": '{{"auths": {{"registry.example": {{"auth": "{s}"}}}}}}',
    "pypirc": "[pypi]\nusername = __token__\npassword = {s}\n",
    "npmrc": "//registry.example/:_authToken={s}",
    "pgpass, named": "PGPASSWORD={s} psql -h db.example",
    "aws credentials file": "[default]\naws_access_key_id = X\naws_secret_access_key = {s}\n",
    "s3cfg": "[default]\naccess_key = X\nsecret_key = {s}\n",
    "rclone": "[obs]\ntype = webdav\nuser = reader\npass = {s}\n",
    "dotenv": "DEBUG=0\nDJANGO_SECRET_KEY={s}\nTZ=UTC",
    "export": "export HF_TOKEN={s}; python train.py",
    "YAML": "db:\n  user: reader\n  password: {s}\n  port: 5432\n",
    "YAML, quoted": "password: '{s}'\nport: 5432",
    "YAML, several words": "user: reader\npassphrase: correct {s} battery staple\nport: 1\n",
    "YAML block": "private_key: |\n  {s}\n  {s}\nport: 1\n",
    "TOML": 'user = "reader"\npassword = "{s}"\n',
    "INI": "[db]\nuser=reader\npasswd={s}\n",
    "properties": "db.user=reader\ndb.password={s}\n",
    "JSON": '{{"user": "reader", "password": "{s}", "port": 5432}}',
    "JSON in JSON": '{{"body": "{{\\"user\\": \\"reader\\", \\"password\\": \\"{s}\\"}}"}}',
    "JSON list": '{{"passwords": ["{s}", "{s}"]}}',
    "JSON name and value": '[{{"name": "DB_PASSWORD", "value": "{s}"}}]',
    "JSON Web Key": '{{"kty": "EC", "crv": "P-256", "x": "abc", "d": "{s}"}}',
    "Python dict": "{{'user': 'reader', 'password': '{s}'}}",
    "Python bytes": "{{'user': 'reader', 'password': b'{s}'}}",
    "Python call": "connect('db.example', user='reader', password='{s}')",
    "Python pair": "[('user', 'reader'), ('password', '{s}')]",
    "Ruby hash": "{{:user => 'reader', :password => '{s}'}}",
    "PHP": "$config['db_password'] = '{s}';",
    "Go": 'password := "{s}"',
    "JavaScript": 'const apiKey = "{s}";',
    "XML element": "<db><user>reader</user><password>{s}</password></db>",
    "XML, namespace": '<wsse:Password Type="PasswordText">{s}</wsse:Password>',
    "XML attribute": '<connection user="reader" password="{s}"/>',
    "XML add": '<add key="DbPassword" value="{s}"/>',
    "XML property": '<property name="hibernate.connection.password">{s}</property>',
    "XML CDATA": "<secret><![CDATA[{s}]]></secret>",
    "HTML form": '<input type="password" name="password" value="{s}">',
    "curl -u": "curl -u reader:{s} https://archive.example/run.fits",
    "curl --user": "curl -sS --user reader:{s} https://archive.example/run.fits",
    "curl -H": 'curl -H "Authorization: Bearer {s}" https://archive.example/run.fits',
    "curl -H key": "curl -H 'X-API-Key: {s}' https://archive.example/run.fits",
    "curl -b": "curl -b 'sid={s}' https://archive.example/run.fits",
    "wget": "wget --user=reader --password={s} https://archive.example/run.fits",
    "wget --http-password": "wget --http-user reader --http-password {s} https://archive.example/run.fits",
    "mysql -p": "mysql -h db.example -u reader -p{s} obs",
    "mysql --password": "mysqldump --user=reader --password={s} obs",
    "sshpass": "sshpass -p {s} ssh reader@archive.example",
    "docker login": "docker login -u reader -p {s} registry.example",
    "htpasswd -b": "htpasswd -b -p {s} reader",
    "redis-cli": "redis-cli -h cache.example -a {s} ping",
    "ldapsearch": "ldapsearch -x -D cn=reader -w {s} -b dc=example",
    "smbclient": "smbclient -U reader%{s} //files.example/obs",
    "openssl": "openssl enc -aes-256-cbc -pass pass:{s} -in run.fits",
    "unzip -P": "unzip -P {s} run.zip",
    "twine": "twine upload -u __token__ -p {s} dist/*",
    "vault": "VAULT_TOKEN={s} vault read obs/db",
    "option": "archive.py --password {s} run.fits",
    "option with =": "archive.py --api-key={s} run.fits",
    "option --pwd": "archive.py --pwd {s} run.fits",
    "SQL user": "CREATE USER reader WITH PASSWORD '{s}'",
    "SQL identified by": "CREATE USER 'reader'@'%' IDENTIFIED BY '{s}'",
    "SQL alter": "ALTER ROLE reader PASSWORD '{s}'",
    "SQL update": "UPDATE users SET password = '{s}' WHERE name = 'reader'",
    "message": "login of reader refused: password '{s}' is wrong",
    "message with =": "OperationalError: could not connect (host=db.example password={s})",
    "message with URL": "cannot open ftp://reader:{s}@archive.example/run.fits: timeout",
    "sentence": "the password is {s}, keep it",
    "PEM key": "-----BEGIN RSA PRI" + "VATE KEY-----\n{s}\n-----END RSA PRI" + "VATE KEY-----",
    "PEM, encrypted": "-----BEGIN ENCRYPTED PRI" + "VATE KEY-----\n{s}\n-----END ENCRYPTED PRI" + "VATE KEY-----",
    "OpenSSH key": "-----BEGIN OPENSSH PRI" + "VATE KEY-----\n{s}\n-----END OPENSSH PRI" + "VATE KEY-----",
    "PEM, cut": "-----BEGIN PRI" + "VATE KEY-----\n{s}",
    "PGP key": "-----BEGIN PGP PRI" + "VATE KEY BLOCK-----\n\n{s}\n-----END PGP PRI" + "VATE KEY BLOCK-----",
    "PuTTY key": "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\n{s}\nPrivate-MAC: 0123456789abcdef",
    "SSH2 key": "---- BEGIN SSH2 ENCRYPTED PRI" + "VATE KEY ----\n{s}\n---- END SSH2 ENCRYPTED PRI" + "VATE KEY ----",
    "WireGuard": "[Interface]\nPrivateKey = {s}\nAddress = 10.0.0.2/32",
    "auth in a call": "requests.get(url, auth=('maria', '{s}'))",
    "key, HTTPBasicAuth": "HTTPBasicAuth('maria', '{s}')",
    "mot de passe": "mot de passe: {s}",
    "key, setenv": "setenv TOKEN {s}",
    "key, ssh-keygen": "ssh-keygen -N {s} -f id",
    "keytool": "keytool -list -storepass {s}",
    "sqlplus": "sqlplus reader/{s}@obs",
    "kinit key": "kinit -p {s}",
    "form, URL-encoded": "grant_type%3Dpassword%26client_secret%3D{s}%26scope%3Dobs",
    "JSON, URL-encoded": "%7B%22token%22%3A%22{s}%22%7D",
    "JSON, HTML-encoded": "{{&quot;password&quot;:&quot;{s}&quot;}}",
    "JSON, escaped": "password\\u003d{s}",
    "key in a sentence": "the token is {s}",
    "API key in a sentence": "api key is {s}",
    "key, Bearer alone": "Bearer {s}",
    "Java": "java -Ddb.password={s} -jar obs.jar",
    "Helm": "helm install obs --set db.password={s}",
    "PowerShell": "$env:API_KEY = '{s}'",
    "Ansible": "ansible -e 'ansible_ssh_pass={s}' all",
    "wpa_supplicant key": 'network={{\n ssid="obs"\n psk="{s}"\n}}',
    "in base64": None,
    "in base64, JSON": None,
}  # fmt: skip
# Where no password of people stands, but something that was drawn.
DRAWN = ("Basic", "Sentry DSN", "OAuth code", "sentence", "header of AWS", "Azure", "in base64")


def texted(kind):
    """Return a text of that kind, and the secret in it."""
    drawn = Drawn(f"text {kind}")
    secret = drawn(40) if kind.startswith(DRAWN) or "key" in kind.lower() else drawn.password()
    if kind == "in base64":
        return base64.b64encode(f"reader password={secret}\n".encode()).decode(), secret
    if kind == "in base64, JSON":
        return base64.b64encode(
            f'{{"user": "reader", "token": "{secret}"}}'.encode()
        ).decode(), secret
    return TEXTS[kind].format(s=secret), secret


def encodings(secret):
    """As which bytes a secret would be found."""
    plain = secret.encode()
    found = {plain, urllib.parse.quote(secret).encode()}
    if len(plain) >= 9:
        # In base64 at each of three offsets, without the characters that others have a part in.
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + plain)
            found.add(encoded[2 * (offset > 0) + 2 * (offset > 1) : len(encoded) - 4])
        found.add(plain.hex().encode())
    return {each for each in found if len(each) >= 8}


# Names and values that scientists need.
HARMLESS_NAMED = {
    "token_count": 17, "token_id": 4211, "n_tokens": 4096, "num_tokens": 12, "max_tokens": 1024,
    "max_new_tokens": 256, "min_tokens": 1, "total_tokens": 93211, "token_ids": [101, 2054, 102],
    "tokens": ["the", "crab", "nebula"], "tokenizer": "bert-base", "tokenizer_name": "wordpiece",
    "token_type_ids": [0, 0, 1], "token_embedding_dim": 768, "pad_token": "[PAD]", "eos_token": "</s>",
    "bos_token": "<s>", "unk_token": "<unk>", "cls_token": "[CLS]", "sep_token": "[SEP]",
    "mask_token": "[MASK]", "stop_token": "###", "token_lengths": [3, 5, 2], "token_probs": [0.1, 0.9],
    "tokens_per_second": 31.5, "token_position": 5, "prompt_tokens": 12, "next_token": "galaxy",
    "secret_fraction": 0.31, "secret_length": 32, "secret_name": "obs-db", "secret_key_size": 256,
    "private_key_size": 2048, "private_key_path": "/home/maria/.ssh/id_ed25519", "key_size": 4096,
    "key_length": 128, "key_file": "keys.csv", "keyword": "OBJECT", "keywords": ["RA", "DEC"],
    "key": "flux", "keys": ["ra", "dec", "flux"], "sort_key": "mjd", "primary_key": "obs_id",
    "foreign_key": "run_id", "group_key": "zenith", "partition_key": "night", "column_key": "energy",
    "hdu_key": "EVENTS", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI maria", "key_name": "crab",
    "cache_key": "a" * 8 + "-events", "join_key": "event_id", "index_key": "obs_id", "key_column": "id",
    "password_length": 12, "password_policy": "strict", "password_file": "/run/secrets/db",
    "password_required": True, "password": None, "passwordless": "ssh", "use_auth": False,
    "auth_method": "kerberos", "auth_type": "oidc", "auth_url": "https://login.example/", "author": "E. Vasquez",
    "authors": ["E. Vasquez", "M. Curie"], "authority": "IAU", "authenticated": True,
    "pass": 2, "passes": 3, "pass_number": 1, "n_pass": 4, "low_pass": 0.5, "high_pass": "30 Hz",
    "first_pass": "coarse", "bandpass": "V", "passband": "r", "passband_name": "SDSS-r", "pass_energy": 20.0,
    "compass": 183.5, "bypass": True, "pw": 0.35, "pulse_pw": "3.5 ns", "pwd": "/home/maria/crab",
    "PWD": "/data/night5", "OLDPWD": "/home/maria", "pin": 13, "gpio_pin": 21, "pin_number": 7, "n_pins": 40,
    "pinhole": 0.1, "pin_diode": "S3590", "spin": 0.7, "otp_version": 2, "cookie_cutter": "annulus",
    "session_id": "20261124T013024-k8yz27", "session": "night-5", "session_number": 12,
    "signature": "(ra, dec, /, *, radius=1.0)", "signature_significance": 5.1, "sig": 4.9, "sigma": 0.05,
    "significance": 12.3, "sig_noise": "7.5", "signal": "gamma", "sid": "J0534+2200", "sid_time": 3.2,
    "hash": "d41d8cd98f00b204e9800998ecf8427e", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "commit": "1ffb2f7c0de4b5a697887766554433221100ffee", "git_commit": "e7cd6ab", "revision": "724004b",
    "checksum": "md5:9e107d9d372bb6826bd81d3542a419d6", "uuid": "123e4567-e89b-12d3-a456-426614174000",
    "run_uuid": "0f8fad5b-d9cb-469f-a165-70867728950e", "etag": '"33a64df551425fcc55e4d42a148795d9f25f89d4"',
    "salt": 35.1, "salinity": 34.9, "seed": 12345, "random_seed": "crab-5", "nonce_count": 1, "code": "LST-1",
    "error_code": 17, "status_code": 404, "code_version": "v0.11.3", "mnemonic": "SA_ZFGOUTFOV",
    "mnemonics": ["IGDP_NRSD_ALG_A_TEMP", "SA_ZADUCMDX"], "dsn": "DSS-14", "dsn_station": "Goldstone",
    "connection": "ethernet", "database_url": "sqlite:///obs.db", "connection_string": "sqlite:///obs.db",
    "netrc": "/home/maria/.netrc", "license": "BSD-3-Clause", "login": "maria", "ticket": "OBS-1234",
    "credentials_file": "/home/maria/cred.json", "secretary": "Ada", "cookie_path": "/", "certificate": "cert.pem",
    "hmac_algorithm": "sha256", "jwt_algorithm": "RS256", "parole": "free", "clave_primaria": "id",
    "clef": "treble", "chiave": "flux", "hdu": "KEY", "access": "r", "access_mode": "rw", "accession": "AC12",
    "accretion": 0.1, "keyboard": "us", "keystone": 1.0, "monkey": "Ateles", "turkey": "Meleagris",
    "tokamak": "JET", "secretion_rate": 0.2, "credibility": 0.95, "crediblelevel": 0.9, "cred_interval": [1, 2],
    "token_list": ["the", "crab"], "token_dict": {"the": 5}, "special_tokens": ["<s>"], "tokens_used": 5,
    "token": "galaxy", "classifier_key": "HistGradientBoostingClassifier", "hash_function": "fnv1a",
    "psk": "QPSK", "modulation": "8PSK", "webhook_count": 2, "privacy": "low", "private": True,
}  # fmt: skip
HARMLESS_TEXTS = """\
sk_2026_superkamiokande_run_0012341.csv
/data/token=abc/part-0.parquet
/data/token=abc/year=2026/part-0.parquet
data/key=flux/night=5/part-00000-of-00128.parquet
s3://obs/token=galaxy/part-0.parquet
SELECT token, count(*) FROM words WHERE token = 'galaxy' GROUP BY token
SELECT * FROM events WHERE key = 'flux' AND session_id = 'night-5'
SELECT a.token FROM a JOIN b ON a.token = b.token
SELECT password_changed FROM users WHERE auth = 'ldap'
INSERT INTO words (token, n) VALUES ('crab', 5)
UPDATE words SET token_count = 17 WHERE token_id = 4211
CREATE TABLE words (token TEXT, key INTEGER PRIMARY KEY)
/data/hess-dl3-dr1/hess_dl3_dr1_obs_id_023523.fits.gz
/fefs/aswg/data/real/DL1/20261118/v0.9.1/dl1_LST-1.Run02006.0001.h5
gamma_20deg_180deg_run100___cta-prod5-lapalma_desert-2158m-LaPalma-dark.simtel.zst
P8R3_SOURCE_V3_photon_weekly_w009_p305_v001.fits
sk-learn
sk-learn-contrib-estimators-2026
hf_crab_spectrum_2026_v2.hdf5
npm_configuration_settings_for_the_archive
rk_fourth_order_integrator_with_adaptive_steps
key-space-telescope-observations-2026
SG.observation.night-five-of-the-campaign
pat_reco_of_muon_rings_with_the_new_algorithm.h5
secret_of_the_universe_2026_conference_slides.pdf
AKIAR
eyJust
1e-5
1 TeV
0.5 deg
83.6333 +22.0145
J0534+2200
PSR B0531+21
2026-11-25T10:00:00
2026-11-25T10:00:00.123456Z
MJD 61000.5
v0.11.3
numpy==2.1.0
https://example.org/a?night=5&index=2
https://example.org/search?key=flux&page=2
https://archive.example/list?token_count=5
https://vizier.cds.unistra.fr/viz-bin/VizieR?-source=J/A+A/612/A1
http://host:8080/users/me@here
https://docs.gammapy.org/dev/api/gammapy.data.DataStore
root://eos.cern.ch//data/file.fits
ssh://git@github.com/obs/repo
git@github.com:obs/repo.git
mailto:maria@example.org
doi:10.5281/zenodo.4701488
https://orcid.org/0000-0002-1694-233X
ivo://org.gammapy/data?obs_id=23523
a secret agent went by
the password is wrong
the password was not given
password
token
the token is expired
Authorization
tokenize the words
passband = 'V'
access = 'r'
x = author
keyword: value
primary_key=12
sort_key: mjd
key: flux
keys: [ra, dec, flux]
basic analysis of the night
Basic reduction of 20261124 frames
bearers of news
secretary = 'Ada'
token = read_token(path)
password = getpass.getpass()
api_key = os.environ["API_KEY"]
password=password
connect(user=user, password=password)
token: Optional[str] = None
def login(user, password=None):
max_tokens=512 temperature=0.7
n_tokens: 93211
token_count: 17
tokens: 12
token=17
pin=13
pass=2 of 3
pw=0.35
pwd=/home/maria
PWD=/data/night5
sig=4.9 sigma
signature=(x, y)
session_id=20261124T013024-k8yz27
sid=J0534+2200
seed=12345
salt=35.1
mnemonic=SA_ZFGOUTFOV
code=LST-1
dsn=DSS-14
password: ${DB_PASSWORD}
password: null
token: <your token>
password: "***"
auth: none
authors: E. Vasquez, M. Curie
Author: maria <maria@example.org>
SIMPLE  =                    T / conforms to FITS standard
OBJECT  = 'Crab    '           / name of the object
KEYWORD = 'TOKEN'              / which keyword
PASSBAND= 'V       '           / filter
SIGNATUR= 'a3f9'               / of the header
CHECKSUM= 'hcHjjc9ghcEghc9g'   / HDU checksum updated 2026-11-24T01:30:24
DATASUM = '2503531142'         / data unit checksum
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
md5=9e107d9d372bb6826bd81d3542a419d6
commit 1ffb2f7c0de4b5a697887766554433221100ffee
123e4567-e89b-12d3-a456-426614174000
urn:uuid:123e4567-e89b-12d3-a456-426614174000
run 0f8fad5b-d9cb-469f-a165-70867728950e
GSM8K,MMLU,HumanEval
F1=0.93 precision=0.9 recall=0.96
lambda x: x.key
{"key": "flux", "unit": "TeV-1 cm-2 s-1"}
{"token": 5, "word": "galaxy"}
{"name": "flux", "value": "1e-11"}
{"password": null, "user": "maria"}
<keyword>OBJECT</keyword>
<token id="5">galaxy</token>
<param name="RA" value="83.63"/>
<FIELD ID="key" name="key" datatype="char"/>
<!-- password of the archive -->
[('key', 'flux'), ('unit', 'TeV')]
-p 8080
ssh -p 22 archive.example
mkdir -p plots/night5
python -m pdb -p prog.py
rsync -avzP data/ archive:/data
docker run -p 8080:80 -p 9000:9000 obs
Enter password:
usage: fit.py [--password PASSWORD]
{'token': 'the', 'pos': 'DET'}
[('token', 'the'), ('lemma', 'the')]
token='galaxy'
pw=[0.1, 0.2]
key_dim=64 value_dim=64
attention_keys=8
sorted(x, key=len)
import secrets
os.getenv('PASSWORD')
HistGradientBoostingClassifier
curl -u https://archive.example
http://host.example/?token=5
sed -e s/a:b/c/
word/token ratio: 0.3
mysql -h db.example -P 3306
tar -xzf run.tar.gz -C data
curl -sS https://archive.example/run.fits -o run.fits
grep -P "\\d+" run.log
nice -n 5 python crab.py --key flux
python crab.py --tokens 512 --seed 5
python crab.py --key-column obs_id
python crab.py --password-file /run/secrets/db
python fit.py --auth-method kerberos
conda install -c conda-forge --key value
AssertionError: token mismatch: expected 'galaxy', got 'star'
KeyError: 'key'
KeyError: 'password'
ValueError: invalid token at line 5
TypeError: connect() missing 1 required positional argument: 'password'
PermissionError: [Errno 13] Permission denied: '/etc/shadow'
JSONDecodeError: Expecting value: line 1 column 1 (char 0)
-----BEGIN CERTIFICATE-----
-----BEGIN PGP SIGNED MESSAGE-----
-----BEGIN PUBLIC KEY-----
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000 maria@obs
$\\sqrt{s}$ = 13 TeV and $m_H$ = 125 GeV
$1$ and $2$ and $6$
{SHAPE} of the spectrum
cost is $5$ per night
x$y$z
A|B|C
ratio of 3://4
C:\\Users\\maria\\data\\run.fits
key,token,secret
token\tcount\nthe\t5
ra:dec:flux
12:30:45 +22:00:52
Time: 10:00
energy: 1 TeV - 10 TeV
-us14 in the name
GAIA DR3 3403818172572314624
TIC 307210830
2MASS J05343194+2200521
4FGL J0534.5+2201
crab_nebula-2026.11.24T013024Z.fits.fz
hdul[1].header['KEY'] = 'flux'
df.sort_values(key=lambda s: s.abs())
np.random.default_rng(seed=12345)
token_to_id['galaxy'] = 5
AutoTokenizer.from_pretrained('bert-base-uncased')
pad_token_id=50256
lambda_qcd = 0.213
signal:background = 3:1
""".splitlines()


def harmless_base64():
    """Arrays, a picture's beginning and words, in base64."""
    import struct

    numbers = [Drawn("array").random.random() for _ in range(24)]
    yield base64.b64encode(struct.pack("<24d", *numbers)).decode()
    yield base64.b64encode(struct.pack("<48f", *numbers, *numbers)).decode()
    yield base64.b64encode(bytes(range(96))).decode()
    yield base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)).decode()
    yield base64.b64encode(b"SIMPLE  =                    T / conforms to FITS standard").decode()
    yield base64.b64encode(b"ra,dec,flux\n83.63,22.01,1e-11\n").decode()


HARMLESS_TEXTS += harmless_base64()
# Commands, as lists of words.
HARMLESS_COMMANDS = [
    ["ssh", "-p", "22", "archive.example"],
    ["mkdir", "-p", "plots/night5"],
    ["fit.py", "-p", "0.05", "-n", "5"],
    ["fit.py", "-p", "prod5", "--key", "flux"],
    ["fit.py", "-p", "powerlaw"],
    ["fit.py", "-p", "obs_23523"],
    ["fit.py", "-p", "config.yaml"],
    ["fit.py", "-plot", "-profile", "-parallel4"],
    ["fit.py", "-u", "http://archive.example"],
    ["fit.py", "--tokens", "512", "--tokenizer", "bert"],
    ["fit.py", "--password-file", "/run/secrets/db"],
    ["fit.py", "--key", "flux", "--sort-key=mjd"],
    ["fit.py", "--pass", "2"],
    ["fit.py", "--auth-method", "kerberos"],
    ["fit.py", "password", "token", "key"],
    ["fit.py", "--seed", "12345"],
    ["fit.py", "-P", "4"],
    ["fit.py", "--pw", "0.35"],
    ["docker", "run", "-p", "8080:80", "obs"],
    ["mysql", "-h", "db.example", "-P", "3306", "obs"],
]
# Commands whose word {s} is a password.
SECRET_COMMANDS = [
    ["connect.py", "--password", "{s}"], ["connect.py", "--password={s}"], ["connect.py", "-p", "{s}"],
    ["connect.py", "-p{s}"], ["connect.py", "--pwd", "{s}"], ["connect.py", "--pw={s}"],
    ["connect.py", "--pass", "{s}", "-v"], ["connect.py", "-u", "reader", "-p", "{s}"],
    ["connect.py", "-password", "{s}"], ["connect.py", "--api-key", "{s}"], ["connect.py", "--token={s}"],
    ["connect.py", "--db-password", "{s}"], ["connect.py", "--user", "reader:{s}"],
    ["mysql", "-u", "reader", "-p{s}", "obs"], ["sshpass", "-p", "{s}", "ssh", "archive.example"],
    ["env", "DB_PASSWORD={s}", "connect.py"], ["bash", "-c", "mysql -u reader -p{s} obs"],
    ["curl", "-u", "reader:{s}", "https://archive.example"], ["curl", "-H", "Authorization: Bearer {s}"],
    ["connect.py", "--mot-de-passe", "{s}"], ["connect.py", "--passwort={s}"], ["connect.py", "--passphrase", "{s}"],
    ["connect.py", "--client-secret", "{s}"], ["connect.py", "--cookie", "sid={s}"],
    ["unzip", "-P", "{s}", "run.zip"], ["docker", "login", "-u", "reader", "-p", "{s}"],
    ["connect.py", "postgresql://reader:{s}@db.example/obs"], ["connect.py", "--dsn", "reader/{s}@db.example"],
]  # fmt: skip


def counts():
    """How many secrets there are, of how many kinds, and how many harmless names and values."""
    secrets = len(ISSUED) + len(NAMES) + len(ASKING) + len(TEXTS) + len(SECRET_COMMANDS)
    kinds = len(ISSUED) + len(TEXTS)
    harmless = len(HARMLESS_NAMED) + len(HARMLESS_TEXTS) + len(HARMLESS_COMMANDS)
    return secrets, kinds, harmless
