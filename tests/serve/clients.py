"""What search stacks are built with, asking the server for the same ranking; and what they send."""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from tests.serve.made import DOCUMENTS, NAME, QUERY

TEXTS = DOCUMENTS[:5]
TOP = 3
KEY = "client-key-0123456789"


def langchain_cohere(url):
    from langchain_cohere import CohereRerank
    from langchain_core.documents import Document

    ranker = CohereRerank(model=NAME, base_url=url, cohere_api_key=KEY, top_n=TOP)
    found = ranker.compress_documents([Document(page_content=text) for text in TEXTS], QUERY)
    return [(one.page_content, one.metadata["relevance_score"]) for one in found]


def _ranked_nodes(ranker):
    from llama_index.core.schema import NodeWithScore, TextNode

    nodes = [NodeWithScore(node=TextNode(text=text), score=0.0) for text in TEXTS]
    return [(one.node.text, one.score) for one in ranker.postprocess_nodes(nodes, query_str=QUERY)]


def llama_index_cohere(url):
    from llama_index.postprocessor.cohere_rerank import CohereRerank

    return _ranked_nodes(CohereRerank(model=NAME, base_url=url, api_key=KEY, top_n=TOP))


def llama_index_tei(url):
    from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

    return _ranked_nodes(TextEmbeddingInference(base_url=url, top_n=TOP, auth_token=f"Bearer {KEY}"))


def llama_index_jina(url):
    from llama_index.postprocessor.jinaai_rerank import JinaRerank

    return _ranked_nodes(JinaRerank(model=NAME, base_url=f"{url}/v1", api_key=KEY, top_n=TOP))


def cohere_client(url):
    from cohere import ClientV2

    reply = ClientV2(api_key=KEY, base_url=url).rerank(model=NAME, query=QUERY, documents=TEXTS, top_n=TOP)
    return [(TEXTS[one.index], one.relevance_score) for one in reply.results]


CLIENTS = {
    "cohere": (cohere_client, ["cohere"]),
    "langchain-cohere": (langchain_cohere, ["langchain_cohere"]),
    "llama-index-cohere": (llama_index_cohere, ["llama_index.postprocessor.cohere_rerank"]),
    "llama-index-jina": (llama_index_jina, ["llama_index.postprocessor.jinaai_rerank"]),
    "llama-index-tei": (llama_index_tei, ["llama_index.postprocessor.tei_rerank"]),
}


@contextmanager
def recorded(url):
    """An address that passes everything on to a server, and what came to it."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.append({"path": self.path, "headers": headers, "body": json.loads(content)})
            passed = http.client.HTTPConnection(urlsplit(url).netloc)
            passed.request("POST", self.path, content, {**headers, "connection": "close"})
            reply = passed.getresponse()
            answer = reply.read()
            self.send_response(reply.status)
            self.send_header("content-type", reply.getheader("content-type"))
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", seen
        finally:
            server.shutdown()
            thread.join()
