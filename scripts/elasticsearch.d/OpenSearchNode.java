import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import org.codelibs.opensearch.runner.OpenSearchRunner;

/** One OpenSearch node on loopback, until the process is told to end. Arguments: its folder, and the HTTP port or range of ports. */
public final class OpenSearchNode {
    public static void main(String[] args) throws Exception {
        Path dir = Path.of(args[0]).toAbsolutePath();
        OpenSearchRunner node = new OpenSearchRunner();
        node.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", args[1]);
            settings.put("transport.port", "19400-19999");
            settings.put("node.portsfile", true);
            settings.put("path.logs", dir.resolve("logs").toString());
            settings.put("path.repo", dir.resolve("snapshots").toString());
            settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        node.build(OpenSearchRunner.newConfigs().basePath(dir.resolve("node").toString()).clusterName("iochunt-test").numOfNode(1));
        new CountDownLatch(1).await();
    }
}
