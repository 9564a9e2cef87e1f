//! Tokens that somebody made, found, or changed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use hmac::Hmac;
use serde_json::{Map, Value, json};

/// A way to get in that must not work.
pub struct Forgery {
    /// What it tries.
    pub name: String,
    /// The headers it sends.
    pub headers: Vec<(&'static str, String)>,
    /// What it puts behind the path.
    pub query: String,
    /// The code it is to be refused with.
    pub code: &'static str,
}

/// A good token, and the secret that signs on this server: a forger who had it would still have to get the shape right.
pub struct Forge<'a> {
    secret: &'a str,
    token: &'a str,
    head: String,
    claims: Map<String, Value>,
}

impl<'a> Forge<'a> {
    /// Takes a good token apart.
    pub fn new(secret: &'a str, token: &'a str) -> Self {
        let parts: Vec<Vec<u8>> = token.split('.').map(|part| BASE64.decode(part).unwrap()).collect();
        let head = String::from_utf8(parts[0].clone()).unwrap();
        Self { secret, token, head, claims: serde_json::from_slice(&parts[1]).unwrap() }
    }

    /// All of them.
    pub fn forgeries(&self) -> Vec<Forgery> {
        let mut all: Vec<Forgery> = Vec::new();
        let bearers = [self.heads(), self.claims(), self.signatures(), self.shapes()].concat();
        for (name, token) in bearers {
            let code = if name == "long expired" { "token_expired" } else { "token_invalid" };
            let headers = vec![("authorization", format!("Bearer {token}"))];
            all.push(Forgery { name, headers, query: String::new(), code });
        }
        all.extend(self.other_doors());
        all
    }

    /// The same token as far as its secret goes: to show that the forge works.
    pub fn copy(&self) -> String {
        self.signed(&self.head, &self.claims)
    }

    fn heads(&self) -> Vec<(String, String)> {
        let mut heads = Vec::new();
        for alg in ["none", "None", "NONE", "nOnE", "", "HS384", "HS512", "hs256", "RS256", "ES256", "PS256", "EdDSA"] {
            heads.push(self.head.replace("HS256", alg));
        }
        for typ in ["JWT", "", "AT+JWT", "application/at+jwt", "rt+jwt"] {
            heads.push(self.head.replace("at+jwt", typ));
        }
        for kid in ["../../dev/null", "/dev/null", "' or '1'='1", "https://example.com/key", "0"] {
            let mut head: Value = serde_json::from_str(&self.head).unwrap();
            head["kid"] = json!(kid);
            heads.push(head.to_string());
        }
        for more in [
            r#""jku":"https://example.com/keys""#,
            r#""jwk":{"kty":"oct","k":"AAAA"}"#,
            r#""x5u":"https://example.com""#,
            r#""x5c":["AAAA"]"#,
            r#""crit":["exp"]"#,
            r#""b64":false"#,
            r#""zip":"DEF""#,
            r#""cty":"JWT""#,
            r#""alg":"none""#,
        ] {
            heads.push(self.head.replacen('}', &format!(",{more}}}"), 1));
        }
        heads.extend([r#"{"alg":"HS256","typ":"at+jwt"}"#, "{}", "[]", "null", "x"].map(str::to_owned));
        heads.push(format!(" {}", self.head));
        let signed = heads.iter().map(|head| (format!("head {head}"), self.signed(head, &self.claims)));
        let bare = heads.iter().take(4).map(|head| {
            let signed = self.signed(head, &self.claims);
            (format!("no signature, {head}"), signed[..=signed.rfind('.').unwrap()].to_owned())
        });
        signed.chain(bare).collect()
    }

    fn claims(&self) -> Vec<(String, String)> {
        let with = |name: &str, value: Value| {
            let mut claims = self.claims.clone();
            claims.insert(name.to_owned(), value);
            claims
        };
        let now = self.claims["iat"].as_i64().unwrap();
        let mut all = vec![("long expired".to_owned(), {
            let mut claims = with("exp", json!(now - 60));
            claims.insert("nbf".to_owned(), json!(now - 120));
            claims
        })];
        for name in self.claims.keys() {
            let mut without = self.claims.clone();
            without.remove(name);
            all.push((format!("without {name}"), without));
            for odd in [json!(null), json!([self.claims[name]]), json!({}), json!(true), json!("x")] {
                all.push((format!("{name} {odd}"), with(name, odd)));
            }
        }
        for (name, odd) in [
            ("iss", json!("Pollux")),
            ("iss", json!("https://example.com")),
            ("aud", json!("pollux")),
            ("aud", json!("")),
            ("nbf", json!(now + 3_600)),
            ("iat", json!(now + 3_600)),
            ("exp", json!(1e30)),
            ("exp", json!(now + 60).to_string().into()),
            ("exp", json!(0.5)),
            ("sub", json!("' or 1=1 --")),
            ("admin", json!(true)),
            ("scope", json!("all")),
        ] {
            all.push((format!("{name} {odd}"), with(name, odd)));
        }
        all.into_iter().map(|(name, claims)| (name, self.signed(&self.head, &claims))).collect()
    }

    fn signatures(&self) -> Vec<(String, String)> {
        let (signed, signature) = self.token.rsplit_once('.').unwrap();
        let raw = BASE64.decode(signature).unwrap();
        let flipped: Vec<u8> = raw.iter().map(|byte| byte ^ 1).collect();
        let other = |secret: &str| mac::<Hmac<sha2::Sha256>>(secret, signed);
        [
            ("empty signature", String::new()),
            ("half a signature", signature[..20].to_owned()),
            ("flipped", BASE64.encode(flipped)),
            ("padded", format!("{signature}=")),
            ("zeros", BASE64.encode([0; 32])),
            ("standard alphabet", STANDARD.encode([0xfb_u8; 32])),
            ("twice", format!("{signature}{signature}")),
            ("the empty key", BASE64.encode(other(""))),
            ("a common key", BASE64.encode(other("secret"))),
            ("the secret in capitals", BASE64.encode(other(&self.secret.to_uppercase()))),
        ]
        .map(|(name, signature)| (name.to_owned(), format!("{signed}.{signature}")))
        .to_vec()
    }

    fn shapes(&self) -> Vec<(String, String)> {
        let parts: Vec<&str> = self.token.split('.').collect();
        [
            "x".to_owned(),
            ".".to_owned(),
            "..".to_owned(),
            parts[0].to_owned(),
            parts[..2].join("."),
            format!("{}.x", self.token),
            format!(".{}", self.token),
            parts.join(".."),
            self.token[1..].to_owned(),
            self.token[..self.token.len() - 1].to_owned(),
            "a.b.c.d.e".to_owned(),
            format!("Bearer {}", self.token),
            format!("{} ", self.token) + "x",
            format!("\"{}\"", self.token),
            format!("{},{}", self.token, self.token),
            format!("{}{}", self.token, "A".repeat(4_096)),
            "null".to_owned(),
            "undefined".to_owned(),
        ]
        .into_iter()
        .map(|token| (format!("shape {}", &token[..token.len().min(40)]), token))
        .collect()
    }

    fn other_doors(&self) -> Vec<Forgery> {
        let token = self.token;
        let by = |name: &'static str, value: String| vec![(name, value)];
        let invalid = [
            by("authorization", format!("Basic {}", STANDARD.encode(token))),
            by("authorization", token.to_owned()),
            by("authorization", format!("Token {token}")),
            by("authorization", format!("JWT {token}")),
            by("authorization", "Bearer".to_owned()),
            by("authorization", String::new()),
            by("authorization", format!("Bearer\t{token}")),
            by("authorization", format!("Bearer={token}")),
            [by("authorization", format!("Bearer {token}")), by("authorization", format!("Bearer {token}"))].concat(),
            [by("authorization", format!("Bearer {token}")), by("authorization", "Basic eA==".to_owned())].concat(),
        ];
        let ignored = [
            by("cookie", format!("access_token={token}")),
            by("cookie", format!("Authorization=Bearer {token}")),
            by("x-access-token", token.to_owned()),
            by("proxy-authorization", format!("Bearer {token}")),
            by("x-authorization", format!("Bearer {token}")),
            by("x-forwarded-user", "admin".to_owned()),
        ];
        let mut all: Vec<Forgery> = Vec::new();
        let of = |code| {
            move |headers: Vec<(&'static str, String)>| Forgery {
                name: format!("door {}", headers[0].0),
                headers,
                query: String::new(),
                code,
            }
        };
        all.extend(invalid.map(of("token_invalid")));
        all.extend(ignored.map(of("authentication_required")));
        for name in ["access_token", "token", "bearer", "authorization"] {
            let query = format!("?{name}={token}");
            all.push(Forgery { name: query.clone(), headers: Vec::new(), query, code: "authentication_required" });
        }
        all
    }

    fn signed(&self, head: &str, claims: &Map<String, Value>) -> String {
        let signed = format!("{}.{}", BASE64.encode(head), BASE64.encode(serde_json::to_vec(claims).unwrap()));
        let signature = match () {
            () if head.contains("HS512") => mac::<Hmac<sha2::Sha512>>(self.secret, &signed),
            () if head.contains("HS384") => mac::<Hmac<sha2::Sha384>>(self.secret, &signed),
            () => mac::<Hmac<sha2::Sha256>>(self.secret, &signed),
        };
        format!("{signed}.{}", BASE64.encode(signature))
    }
}

fn mac<M: hmac::Mac + hmac::KeyInit>(secret: &str, text: &str) -> Vec<u8> {
    let mut mac = <M as hmac::KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
